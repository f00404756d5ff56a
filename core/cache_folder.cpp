#include <sluice/core/cache_folder.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/stat.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

fs::path variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

fs::path cache_folder() {
  if (const fs::path own = variable("SLUICE_CACHE_DIR"); !own.empty()) {
    std::error_code error;  // a working directory that was removed
    const fs::path absolute = fs::absolute(own, error);
    return error ? fs::path() : absolute;
  }
  if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "sluice";
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache" / "sluice";
  return {};
}

void make_private_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return;
  if (folder.has_relative_path() && folder.has_parent_path()) make_private_folder(folder.parent_path());
  if (mkdir(folder.c_str(), 0700) == 0 || (errno == EEXIST && fs::is_directory(folder, error))) return;
  throw Error("cannot create the folder '" + folder.string() + "': " + std::strerror(errno));
}

}  // namespace sluice
