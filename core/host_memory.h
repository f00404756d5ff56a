#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <sluice/core/error.h>

namespace sluice {

/// The host has no memory left. It does not derive from OutOfMemory, which says that a plan exceeds its budget and
/// which planning handles.
class OutOfHostMemory : public Error {
 public:
  using Error::Error;
};

/// Throws OutOfHostMemory. The message has the purpose of the memory ("the images of 'cifar-10 train'"), the bytes (0:
/// unknown), the limit of the process if it has one, and what would help.
[[noreturn]] void throw_out_of_host_memory(const std::string& what, std::size_t bytes);

/// Throws OutOfHostMemory if the process has a limit of address space that leaves less than `bytes`. For libraries that
/// do not check their own allocations. Allocates nothing.
void require_host_memory(const char* what, std::size_t bytes);

/// Calls `take()`, which allocates host memory, and returns what it returns. A std::bad_alloc or std::length_error
/// becomes throw_out_of_host_memory().
template <class Take>
auto host_memory_for(const std::string& what, std::size_t bytes, Take&& take) {
  try {
    return std::forward<Take>(take)();
  } catch (const std::bad_alloc&) {
    throw_out_of_host_memory(what, bytes);
  } catch (const std::length_error&) {
    throw_out_of_host_memory(what, bytes);
  }
}

/// Returns the message of an error that ends a program: error.what(), or a sentence for a std::bad_alloc. Allocates
/// nothing.
const char* message_of(const std::exception& error) noexcept;

}  // namespace sluice
