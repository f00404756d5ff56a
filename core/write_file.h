#pragma once

#include <string>

namespace sluice {

/// Throws UsageError, saying why, unless `path` can be written. Leaves no trace. An existing file is left as it is.
void require_writable(const std::string& path);

/// Writes `text` to `path`, all of it or nothing: under another name first, then renamed. Throws Error.
void write_whole(const std::string& path, const std::string& text);

}  // namespace sluice
