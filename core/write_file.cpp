#include <sluice/core/write_file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

/// The file behind `path`, links followed: replacing a link would leave its target as it was.
fs::path target_of(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? fs::path(path) : target;
}

/// Devices and pipes cannot be replaced, only written to.
bool is_special(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

fs::path temporary_name(const fs::path& target) {
  return target.parent_path() / ("." + target.filename().string() + "." + std::to_string(getpid()));
}

std::string reason() { return errno ? std::strerror(errno) : "unknown reason"; }

}  // namespace

void require_writable(const std::string& path) {
  const auto reject = [&](const std::string& why) { throw UsageError("cannot write '" + path + "': " + why); };
  if (path.empty()) reject("the name is empty");
  const fs::path target = target_of(path);
  std::error_code error;
  if (fs::is_directory(target, error) || !target.has_filename()) reject("it is a directory");
  if (is_special(target)) {
    if (access(target.c_str(), W_OK) != 0) reject(reason());
    return;
  }
  const fs::path temporary = temporary_name(target);
  errno = 0;
  if (!std::ofstream(temporary)) reject(reason());
  fs::remove(temporary, error);
}

void write_whole(const std::string& path, const std::string& text) {
  const fs::path target = target_of(path);
  const bool special = is_special(target);
  const fs::path temporary = special ? target : temporary_name(target);
  errno = 0;
  std::ofstream file(temporary);
  file << text;
  file.close();
  std::error_code error;
  if (file && !special) fs::rename(temporary, target, error);
  if (file && !error) return;
  const std::string why = error ? error.message() : reason();
  if (!special) fs::remove(temporary, error);
  throw Error("cannot write '" + path + "': " + why);
}

}  // namespace sluice
