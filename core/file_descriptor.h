#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Throws Error with the text of a system call's error.
[[noreturn]] void throw_system_error(int code);

/// Owns an open descriptor.
class FileDescriptor {
 public:
  /// Takes what open() returned. Throws Error when that is an error.
  explicit FileDescriptor(int descriptor);
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Writes all of `text`. A limit on file sizes and a pipe without a reader are errors, not signals. Throws Error.
void write_all(int descriptor, std::string_view text);

/// Makes `descriptor` hold `bytes` bytes on the disk without changing those that are there, where the file system can
/// do that. Throws Error, with the file as it was, when there is no room.
void reserve_space(int descriptor, std::size_t bytes);

/// Waits until a file is on the disk; does nothing for what is on none. Throws Error.
void sync_to_disk(int descriptor);

/// The same for the names in a folder. A folder that cannot be opened for that is left.
void sync_folder(const std::string& folder);

/// Gives the open file `to` the owner, mode and extended attributes of the file `from`. Returns false where one of them
/// cannot be given.
bool copy_attributes(const std::string& from, int to);

}  // namespace sluice
