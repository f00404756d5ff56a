#include <sluice/core/host_memory.h>

#include <optional>

#include <sys/mman.h>
#include <sys/resource.h>

namespace sluice {
namespace {

/// Bytes of address space that the process may have.
std::optional<std::size_t> most_bytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

void throw_out_of_host_memory(const std::string& what, std::size_t bytes) {
  std::string text = "memory: the host has none left for " + what;
  const std::optional<std::size_t> most = most_bytes();
  if (bytes > 0 || most) text += "; got";
  if (bytes > 0) text += " a request of " + std::to_string(bytes) + " bytes";
  if (most)
    text +=
        std::string(bytes > 0 ? " in" : "") + " a process of at most " + std::to_string(*most) + " bytes (ulimit -v)";
  throw OutOfHostMemory(text + "; expected a smaller budget, batch, model or data set, or more memory");
}

void require_host_memory(const char* what, std::size_t bytes) {
  if (!most_bytes()) return;
  void* const room = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw_out_of_host_memory(what, bytes);
  munmap(room, bytes);
}

const char* message_of(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "memory: the host has none left; expected a smaller budget, batch, model or data set, or more memory "
           "(a process may be limited: ulimit -v)";
  return error.what();
}

}  // namespace sluice
