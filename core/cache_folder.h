#pragma once

#include <filesystem>

namespace sluice {

/// Returns the folder for cache files: $SLUICE_CACHE_DIR, else sluice/ in $XDG_CACHE_HOME, else
/// ~/.cache/sluice. An empty variable counts as unset; a relative XDG_CACHE_HOME or HOME is ignored (XDG Base Directory
/// Specification 0.8), a relative SLUICE_CACHE_DIR lies in the present working directory. The result is absolute, and
/// empty if there is no such place. The folder need not exist or be usable; without it, programs work without a cache.
std::filesystem::path cache_folder();

/// Creates `folder` and what is missing above it, open to this user alone. Throws Error.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace sluice
