#include "common/svg_output.h"

#include <filesystem>
#include <system_error>

#include <sluice/core/error.h>

#include "common/figures/figures.h"

namespace sluice::samples {

std::vector<FileFlag> svg_files(const std::string& directory) {
  std::vector<FileFlag> files;
  if (directory.empty()) return files;
  std::error_code error;
  std::filesystem::create_directory(directory, error);
  if (error) throw UsageError("--svg: cannot make the folder '" + directory + "': " + error.message());
  for (const Figure& figure : figures)
    files.push_back({.flag = figure.flag,
                     .path = (std::filesystem::path(directory) / figure.file_name()).string(),
                     .use = FileFlag::Use::page});
  return files;
}

void write_figures(Outputs& outputs, const std::function<const ReportData&()>& report) {
  for (const Figure& figure : figures)
    if (outputs.wants(figure.flag)) outputs.write(figure.flag, [&] { return figure.draw(report()); });
}

}  // namespace sluice::samples
