#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <sluice/core/error.h>

namespace sluice {

/// The host has no memory left. Another error than OutOfMemory, which is about a budget: planning takes that for an
/// answer.
class OutOfHostMemory : public Error {
 public:
  using Error::Error;
};

/// Throws OutOfHostMemory: what memory of the host was wanted for ("the images of 'cifar-10 train'"), how many bytes
/// (0: that is not known), the limit of the process where it has one, and what would help.
[[noreturn]] void throw_out_of_host_memory(const std::string& what, std::size_t bytes);

/// Throws OutOfHostMemory where the process has a limit of address space that leaves less than `bytes`: for libraries
/// that do not look whether they got what they asked for. Takes nothing.
void require_host_memory(const char* what, std::size_t bytes);

/// Returns what `take()` returns, which takes memory of the host. A std::bad_alloc in it, or a size that no array can
/// have, becomes throw_out_of_host_memory().
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

/// What a program says about an error that ends it: error.what(), and for a std::bad_alloc a sentence. Takes no memory.
const char* message_of(const std::exception& error) noexcept;

}  // namespace sluice
