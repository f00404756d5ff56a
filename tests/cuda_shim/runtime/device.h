#pragma once

#include <cstddef>

namespace cuda_shim {

// So few threads that loops over a grid go round several times.
inline constexpr int multiprocessors = 2, threads_of_multiprocessor = 256;
inline constexpr std::size_t device_memory_bytes = std::size_t{4} << 30;

}  // namespace cuda_shim
