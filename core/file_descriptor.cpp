#include <sluice/core/file_descriptor.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

/// While it lives, the signals that a failing write sends to its thread are held back, and then dropped.
class SignalsHeldBack {
 public:
  SignalsHeldBack() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGPIPE);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~SignalsHeldBack() {
    const int error = errno;
    const timespec at_once{};
    while (sigtimedwait(&signals_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  SignalsHeldBack(const SignalsHeldBack&) = delete;
  SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;

 private:
  sigset_t signals_{}, before_{};
};

/// Calls `get(buffer, size)`, which fills the buffer or, for size 0, says how large it must be; empty: it failed.
template <class Get>
std::optional<std::string> bytes_of(const Get& get) {
  while (true) {
    const ssize_t size = get(nullptr, 0);
    if (size < 0) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (size == 0) return bytes;
    const ssize_t got = get(bytes.data(), bytes.size());
    if (got < 0 && errno == ERANGE) continue;  // it has grown since
    if (got < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }
}

/// The names of extended attributes; `list` holds each with a zero byte behind it.
std::vector<std::string> names_in(const std::optional<std::string>& list) {
  std::vector<std::string> names;
  for (std::size_t at = 0; list && at < list->size();) {
    names.emplace_back(list->c_str() + at);
    at += names.back().size() + 1;
  }
  return names;
}

bool copy_extended_attributes(const std::string& from, int to) {
  const std::vector<std::string> wanted =
      names_in(bytes_of([&](char* data, std::size_t size) { return listxattr(from.c_str(), data, size); }));
  // A folder's default ACL gives its new files attributes that the old one does not have.
  for (const std::string& name :
       names_in(bytes_of([&](char*data, std::size_t size) { return flistxattr(to, data, size); })))
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end() && fremovexattr(to, name.c_str()) != 0)
      return false;
  for (const std::string& name : wanted) {
    const auto value =
        bytes_of([&](char* data, std::size_t size) { return getxattr(from.c_str(), name.c_str(), data, size); });
    const auto present =
        bytes_of([&](char* data, std::size_t size) { return fgetxattr(to, name.c_str(), data, size); });
    if (!value || (value != present && fsetxattr(to, name.c_str(), value->data(), value->size(), 0) != 0)) return false;
  }
  return true;
}

}  // namespace

void throw_system_error(int code) { throw Error(std::strerror(code)); }

FileDescriptor::FileDescriptor(int descriptor) : descriptor_(descriptor) {
  if (descriptor < 0) throw_system_error(errno);
}

FileDescriptor::~FileDescriptor() { close(descriptor_); }

void write_all(int descriptor, std::string_view text) {
  const SignalsHeldBack held;
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // standard output may be a pipe that does not block
      pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
      if (poll(&room, 1, -1) < 0 && errno != EINTR) throw_system_error(errno);
    } else if (errno != EINTR) {
      throw_system_error(errno);
    }
  }
}

void reserve_space(int descriptor, std::size_t bytes) {
  const SignalsHeldBack held;
  // A write stops at this limit in a file that is larger than it, too.
  rlimit most{};
  if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && bytes > most.rlim_cur)
    throw_system_error(EFBIG);
  struct stat old {};
  if (fstat(descriptor, &old) != 0) throw_system_error(errno);
  const auto size = static_cast<off_t>(bytes);
  // From the start: what is there may have holes.
  int error = 0;
  do {
    error = size > 0 && fallocate(descriptor, 0, 0, size) != 0 ? errno : 0;
  } while (error == EINTR);
  // The C library's substitute can only lengthen: within the file it reads, which this descriptor may not.
  if ((error == EOPNOTSUPP || error == ENOSYS) && size > old.st_size)
    error = posix_fallocate(descriptor, old.st_size, size - old.st_size);
  if (error != ENOSPC && error != EFBIG && error != EDQUOT && error != EIO) return;  // done, or not possible there
  if (ftruncate(descriptor, old.st_size) != 0) throw_system_error(errno);
  throw_system_error(error);
}

void sync_to_disk(int descriptor) {
  while (fsync(descriptor) != 0) {
    if (errno == EINVAL || errno == EROFS || errno == ENOSYS) return;  // a pipe, a device
    if (errno != EINTR) throw_system_error(errno);
  }
}

void sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  const FileDescriptor owner(descriptor);
  sync_to_disk(descriptor);
}

bool copy_attributes(const std::string& from, int to) {
  struct stat old {
  }, fresh{};
  if (stat(from.c_str(), &old) != 0 || fstat(to, &fresh) != 0) return false;
  const bool same_owner = old.st_uid == fresh.st_uid && old.st_gid == fresh.st_gid;
  if (!same_owner && fchown(to, old.st_uid, old.st_gid) != 0) return false;
  // The mode comes last: changing the owner clears some of its bits, and an ACL sets others.
  return copy_extended_attributes(from, to) && fchmod(to, old.st_mode & 07777) == 0;
}

}  // namespace sluice
