#include "common/outputs.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include <fcntl.h>
#include <sluice/core/error.h>
#include <sluice/core/write_file.h>
#include <unistd.h>

namespace sluice::samples {
namespace {

namespace fs = std::filesystem;

bool is_input(const FileFlag& file) { return file.use == FileFlag::Use::input; }

void check(const FileFlag& file) try {
  if (is_input(file)) return;
  require_writable(file.path);
  if (file.use == FileFlag::Use::state && output_descriptor(file.path))
    throw UsageError("got '" + file.path + "'; expected a file, which is read as well");
} catch (const UsageError& error) {
  throw UsageError(std::string(file.flag) + ": " + error.what());
}

bool printed(const std::string& text) {
  try {
    write_whole("-", text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Writes `text` to a new file for temporary files and returns its name. Throws Error.
std::string write_elsewhere(const std::string& path, const std::string& text) {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (error) throw Error("there is no folder for temporary files");
  std::string suffix = "-" + fs::path(path).filename().string();
  if (suffix.size() > 200) suffix.clear();
  std::string name = (folder / "sluice-XXXXXX").string() + suffix;
  const int descriptor = mkostemps(name.data(), static_cast<int>(suffix.size()), O_CLOEXEC);
  if (descriptor < 0) throw Error("cannot write '" + name + "': " + std::strerror(errno));
  try {
    write_descriptor(descriptor, name, text);
  } catch (const Error&) {
    close(descriptor);
    unlink(name.c_str());
    throw;
  }
  close(descriptor);
  return name;
}

}  // namespace

Outputs::Outputs(std::string program, std::vector<FileFlag> files)
    : program_(std::move(program)),
      files_(std::move(files)) {
  std::erase_if(files_, [](const FileFlag& file) { return file.path.empty(); });
  for (auto file = files_.begin(); file != files_.end(); ++file) {
    check(*file);
    for (auto other = files_.begin(); other != file; ++other)
      if (!(is_input(*file) && is_input(*other)) && same_output(file->path, other->path))
        throw UsageError(std::string(other->flag) + " and " + file->flag + " name the same file; got '" + other->path +
                         "' and '" + file->path + "'; expected two");
  }
  const auto alone = std::find_if(files_.begin(), files_.end(), [](const FileFlag& file) {
    return !is_input(file) && output_descriptor(file.path) == STDOUT_FILENO;
  });
  if (alone == files_.end()) return;
  printed_flag_ = alone->flag;
  std::cout << std::flush;
  standard_output_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (standard_output_ < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
    throw Error(std::string("cannot print to standard error instead of standard output: ") + std::strerror(errno));
}

Outputs::~Outputs() {
  if (standard_output_ < 0) return;
  std::cout << std::flush;
  dup2(standard_output_, STDOUT_FILENO);
  close(standard_output_);
}

void Outputs::put(const FileFlag& file, const std::string& text) const {
  if (file.flag == printed_flag_)
    write_descriptor(standard_output_, file.path, text);
  else
    write_whole(file.path, text);
}

std::string Outputs::rescue(const FileFlag& file, const std::string& text) const {
  if (file.use == FileFlag::Use::result && printed_flag_.empty() && printed(text))
    return "it is printed on standard output instead";
  try {
    return "it is in '" + write_elsewhere(file.path, text) + "' instead";
  } catch (const Error& error) {
    return std::string("it is lost: ") + error.what();
  }
}

void Outputs::write(const std::string& flag, const std::function<std::string()>& text) {
  const auto file = std::find_if(files_.begin(), files_.end(), [&](const FileFlag& f) { return f.flag == flag; });
  if (file == files_.end()) return;
  const auto tell = [&](const std::string& what) {
    failed_ = true;
    std::cout << std::flush;
    std::cerr << program_ << ": " << flag << ": " << what << '\n';
  };
  std::string made;
  try {
    made = text();
    put(*file, made);
  } catch (const std::exception& error) {
    tell(made.empty() ? error.what() : error.what() + ("; " + rescue(*file, made)));
  }
}

}  // namespace sluice::samples
