#include <sluice/core/write_file.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/core/file_descriptor.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

/// What a path names.
struct Target {
  fs::path file = {};                  ///< links followed; there may be none yet
  std::optional<int> descriptor = {};  ///< it is written through this, then
  bool exists = false;
  struct stat status = {};  ///< if it exists
};

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

/// "/proc/self/fd/3", by any name of that folder: 3.
std::optional<int> descriptor_named(const fs::path& file) {
  const std::string name = file.filename().string();
  int number = -1;
  const auto [last, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failed != std::errc() || last != name.data() + name.size() || number < 0) return std::nullopt;
  std::error_code error;
  const fs::path own = fs::canonical("/proc/self/fd", error);
  if (error || fs::canonical(folder_of(file), error) != own || error) return std::nullopt;
  return number;
}

bool is_file_or_pipe(const struct stat& status) { return S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode); }

bool same_inode(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Standard output or error, if that goes to this very file.
std::optional<int> standard_descriptor_of(const struct stat& file) {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO})
    if (struct stat status{}; is_file_or_pipe(file) && fstat(descriptor, &status) == 0 && same_inode(file, status))
      return descriptor;
  return std::nullopt;
}

/// Throws Error.
Target target_of(const std::string& path) {
  if (path.empty()) throw Error("the name is empty");
  Target target{.file = path};
  if (path == "-") target.descriptor = STDOUT_FILENO;
  std::error_code error;
  for (int links = 0; !target.descriptor; ++links) {
    target.descriptor = descriptor_named(target.file);
    const fs::path next = fs::read_symlink(target.file, error);
    if (error) break;
    if (links == 40) throw_system_error(ELOOP);
    if (!target.descriptor) target.file = folder_of(target.file) / next;
  }
  if (target.descriptor) {
    if (fstat(*target.descriptor, &target.status) != 0) throw_system_error(errno);
    target.exists = true;
    return target;
  }
  target.exists = stat(target.file.c_str(), &target.status) == 0;
  if (!target.exists && errno != ENOENT) throw_system_error(errno);
  if (target.exists) target.descriptor = standard_descriptor_of(target.status);
  return target;
}

/// Throws Error for what no text is written to.
void require_kind(const Target& target) {
  const mode_t mode = target.exists ? target.status.st_mode : mode_t{S_IFREG};
  if (S_ISDIR(mode) || !target.file.has_filename()) throw Error("it is a directory");
  if (S_ISBLK(mode)) throw Error("it is a block device");
  if (S_ISSOCK(mode)) throw Error("it is a socket");
}

/// Throws Error unless it is open, for writing.
void require_open_for_writing(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) throw_system_error(errno);
  if ((flags & O_ACCMODE) == O_RDONLY) throw_system_error(EBADF);
}

int open_for_writing(const fs::path& file) { return open(file.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC); }

constexpr const char* temporary_prefix = ".sluice-";

/// A new file beside `target`, locked as long as it is written. It is removed unless it replaces `target`.
class Temporary {
 public:
  /// Throws Error.
  Temporary(const fs::path& target, mode_t mode) : target_(target), file_(create(mode)) {}
  ~Temporary() {
    if (!in_place_) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int descriptor() const { return file_.get(); }
  bool take_place() { return in_place_ = rename(name_.c_str(), target_.c_str()) == 0; }

 private:
  int create(mode_t mode) {
    std::random_device random;
    for (int tries = 0; tries < 100; ++tries) {
      // A short name of its own: the target's may be as long as names can be.
      name_ = folder_of(target_) / (temporary_prefix + std::to_string(random()));
      const int descriptor = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
      if (descriptor < 0 && errno != EEXIST) return descriptor;
      if (descriptor < 0) continue;
      flock(descriptor, LOCK_EX | LOCK_NB);
      struct stat status {};
      // remove_abandoned_files() of another process may have come before the lock.
      if (fstat(descriptor, &status) != 0 || status.st_nlink > 0) return descriptor;
      close(descriptor);
    }
    return -1;
  }

  fs::path target_, name_;
  FileDescriptor file_;
  bool in_place_ = false;
};

void write_content(int descriptor, const FileContent& content) {
  content.write([&](std::string_view bytes) { write_all(descriptor, bytes); });
}

void write_new(const fs::path& file, const FileContent& content) {
  Temporary temporary(file, 0666);
  write_content(temporary.descriptor(), content);
  sync_to_disk(temporary.descriptor());
  if (!temporary.take_place()) throw_system_error(errno);
  sync_folder(folder_of(file));
}

/// Returns false, with the file as it was, where it cannot be replaced by one like it. Throws Error where the text
/// cannot be written.
bool replace(const fs::path& file, const FileContent& content) {
  std::optional<Temporary> temporary;
  try {
    temporary.emplace(file, 0600);  // nobody reads what the old file would not show
  } catch (const Error&) {
    return false;
  }
  if (!copy_attributes(file, temporary->descriptor())) return false;
  write_content(temporary->descriptor(), content);
  sync_to_disk(temporary->descriptor());
  if (!temporary->take_place()) return false;
  sync_folder(folder_of(file));
  return true;
}

void write_in_place(int descriptor, const FileContent& content) {
  reserve_space(descriptor, content.bytes);
  write_content(descriptor, content);
  if (ftruncate(descriptor, static_cast<off_t>(content.bytes)) != 0) throw_system_error(errno);
  sync_to_disk(descriptor);
}

void flush_standard_output() {
  std::cout << std::flush;
  std::fflush(stdout);
}

}  // namespace

void require_writable(const std::string& path) try {
  const Target target = target_of(path);
  if (target.descriptor) return require_open_for_writing(*target.descriptor);
  require_kind(target);
  if (!target.exists)
    const Temporary trial(target.file, 0600);
  else if (S_ISREG(target.status.st_mode))
    const FileDescriptor trial(open_for_writing(target.file));
  else if (access(target.file.c_str(), W_OK) != 0)  // to open a pipe is to wait for its reader
    throw_system_error(errno);
} catch (const Error& error) {
  throw UsageError("cannot write '" + path + "': " + error.what());
}

void write_whole(const std::string& path, const FileContent& content) try {
  const Target target = target_of(path);
  if (target.descriptor) {
    flush_standard_output();
    write_content(*target.descriptor, content);
    return sync_to_disk(*target.descriptor);
  }
  require_kind(target);
  if (!target.exists) return write_new(target.file, content);
  const FileDescriptor old(open_for_writing(target.file));
  if (!S_ISREG(target.status.st_mode)) return write_content(old.get(), content);
  if (target.status.st_nlink > 1 || !replace(target.file, content)) write_in_place(old.get(), content);
} catch (const Error& error) {
  throw Error("cannot write '" + path + "': " + error.what());
}

void write_whole(const std::string& path, const std::string& text) {
  write_whole(path, FileContent{.bytes = text.size(), .write = [&](const ByteSink& sink) { sink(text); }});
}

int remove_abandoned_files(const std::string& folder) {
  int removed = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool digits = name.size() > std::strlen(temporary_prefix) &&
                        name.find_first_not_of("0123456789", std::strlen(temporary_prefix)) == std::string::npos;
    if (!name.starts_with(temporary_prefix) || !digits) continue;
    const int descriptor = open(entry.path().c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) continue;
    const FileDescriptor file(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 && unlink(entry.path().c_str()) == 0) ++removed;
  }
  return removed;
}

std::optional<int> output_descriptor(const std::string& path) {
  try {
    return target_of(path).descriptor;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void write_descriptor(int descriptor, const std::string& name, const std::string& text) try {
  flush_standard_output();
  write_all(descriptor, text);
  sync_to_disk(descriptor);
} catch (const Error& error) {
  throw Error("cannot write '" + name + "': " + error.what());
}

bool same_output(const std::string& a, const std::string& b) try {
  const Target one = target_of(a), two = target_of(b);
  if (one.descriptor && one.descriptor == two.descriptor) return true;
  if (one.exists != two.exists) return false;
  if (one.exists) return !S_ISCHR(one.status.st_mode) && same_inode(one.status, two.status);
  struct stat folder_one {
  }, folder_two{};
  return one.file.filename() == two.file.filename() && stat(folder_of(one.file).c_str(), &folder_one) == 0 &&
         stat(folder_of(two.file).c_str(), &folder_two) == 0 && same_inode(folder_one, folder_two);
} catch (const Error&) {
  return false;
}

}  // namespace sluice
