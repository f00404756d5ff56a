#include "common/outputs.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include <fcntl.h>
#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
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
  } catch (const std::exception&) {
    return false;
  }
}

/// Folders for what cannot be written to `path`, in the order of trying. The first is that of `path`, which outlives
/// temporary files; a device or a pipe has none that results belong into.
std::vector<fs::path> folders_for(const std::string& path) {
  std::vector<fs::path> folders;
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  const bool file = type == fs::file_type::regular || type == fs::file_type::not_found || fs::is_directory(path, error);
  if (file && !output_descriptor(path)) folders.push_back(fs::path(path).parent_path());
  const fs::path temporary = fs::temp_directory_path(error);
  if (!error) folders.push_back(temporary);
  folders.emplace_back("/tmp");
  return folders;
}

/// Writes `text` to a new file in `folder`, whose name ends like that of `path`. Returns its name. Throws Error.
std::string write_into(const fs::path& folder, const std::string& path, const std::string& text) {
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

/// Writes `text` to a new file and returns its name. Throws Error, the last one, where no folder takes it.
std::string write_elsewhere(const std::string& path, const std::string& text) {
  const std::vector<fs::path> folders = folders_for(path);
  for (auto folder = folders.begin();; ++folder) try {
      return write_into(*folder, path, text);
    } catch (const Error&) {
      if (folder + 1 == folders.end()) throw;
    }
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
  } catch (const std::exception& error) {
    return std::string("it is lost: ") + message_of(error);
  }
}

bool Outputs::wants(const std::string& flag) const {
  return std::any_of(files_.begin(), files_.end(), [&](const FileFlag& file) { return file.flag == flag; });
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
    if (!made.empty()) put(*file, made);
  } catch (const std::exception& error) {
    tell(message_of(error) + (made.empty() ? "" : "; " + rescue(*file, made)));
  }
}

}  // namespace sluice::samples
