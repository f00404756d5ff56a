#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Output files. How a path is written depends on what is there; links are followed, also to a file that does not exist.
//
//  - Nothing, or a regular file: the text goes to a temporary file of the same folder, which is renamed once it is on
//    the disk. Mode, owner and extended attributes (ACLs among them) of a replaced file are kept.
//  - A file that has several names (hard links), or that cannot be replaced (a mount point, a folder that takes no new
//    file, an owner who cannot be kept): the text is written into it. Space is reserved before, so that a full disk
//    leaves the old text.
//  - "-" (standard output), /dev/stdout, /dev/fd/3, or the very file that standard output or error goes to: the text is
//    written through the open descriptor, behind what is there.
//  - Character devices and named pipes are written to. Directories, block devices and sockets are refused.
//
// A limit on file sizes and a pipe without a reader are errors here, whatever SIGXFSZ and SIGPIPE do in the process.

/// Throws UsageError, saying why, unless `path` can be written. Leaves no trace. An existing file is left as it is; it
/// must be writable itself, even where its folder would let it be replaced.
void require_writable(const std::string& path);

/// Takes the next bytes of a file.
using ByteSink = std::function<void(std::string_view bytes)>;

/// What a file will hold, without being in memory as a whole.
struct FileContent {
  std::size_t bytes = 0;
  /// Gives all of them to `sink`, in order. May be called twice: where a file cannot be replaced, it is written again.
  std::function<void(const ByteSink& sink)> write = {};
};

/// Writes `content` to `path`, all of it or nothing; see above for what is written in place. Throws Error.
void write_whole(const std::string& path, const FileContent& content);
void write_whole(const std::string& path, const std::string& text);

/// Removes the temporary files that processes which were killed while they wrote have left in `folder`. Those of a
/// living process stay: it holds a lock on them. Returns how many there were.
int remove_abandoned_files(const std::string& folder);

/// The open descriptor of this process that `path` is written through, if there is one.
std::optional<int> output_descriptor(const std::string& path);

/// Writes `text` to an open descriptor; `name` is what an error calls it. Throws Error.
void write_descriptor(int descriptor, const std::string& name, const std::string& text);

/// Whether writing both paths writes the same file, pipe or descriptor twice. Character devices keep nothing that
/// could be lost, so two paths to one of them are not the same output, unless both are the same descriptor.
bool same_output(const std::string& a, const std::string& b);

}  // namespace sluice
