#pragma once

#include <cstddef>
#include <string>

namespace cuda_shim {

/// The `__shared__` variables of the library that a kernel is in: its thread-local ones. Libraries of kernels have no
/// others.
class SharedMemory {
 public:
  explicit SharedMemory(const void* kernel);
  /// Fills it with NaN.
  void poison() const;

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The name of a function, from the symbols of the file that it is in; "a kernel" where they were stripped.
std::string function_name(const void* function);

}  // namespace cuda_shim
