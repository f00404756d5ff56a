#pragma once

// What nvcc knows without an #include, for kernels that the host's compiler compiles as C++. A kernel is a function;
// its block's threads are fibers that run one at a time (../runtime/block.h), so what differs from thread to thread is
// a global that the scheduler sets.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_runtime_api.h"

// CUDA's names, not ours. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
#define __host__
#define __device__
#define __global__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
// One copy for all blocks, as they run one after the other; thread_local because a library's variables of that storage
// lie together, and so can be poisoned before each block.
#define __shared__ static thread_local

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace cuda_shim {

/// Puts a launch into its stream. `thread` is what one thread does; `kernel` says which kernel it is.
cudaError_t launch(const cudaLaunchConfig_t& config, std::function<void()> thread, const void* kernel);
cudaError_t attributes(cudaFuncAttributes* attributes, const void* kernel);

/// Waits for all threads of the block; `line` tells barriers apart.
void block_barrier(const char* file, int line);

enum class WarpOp { sync, shuffle, ballot };
/// Waits for the lanes of `mask`, then gives what lane `source` brought along (shuffle) or a bit of each lane (ballot).
std::uint64_t warp_op(WarpOp op, unsigned mask, std::uint64_t value, int source, const char* file, int line);
int lane();

template <class T>
T shuffle(unsigned mask, T value, int source, const char* file, int line) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "shuffles are for numbers");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_op(WarpOp::shuffle, mask, bits, source, file, line);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace cuda_shim

/// The arguments are copied at the launch, as CUDA does.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "arguments are copied byte by byte");
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "the limit of a launch's arguments");
  return cuda_shim::launch(
      *config,
      [kernel, values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
        std::apply(kernel, values);
      },
      reinterpret_cast<const void*>(kernel));
}

template <class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Parameters...)) {
  return cuda_shim::attributes(attributes, reinterpret_cast<const void*>(kernel));
}

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_shim::block_barrier(file, line);
}

inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_shim::warp_op(cuda_shim::WarpOp::sync, mask, 0, 0, file, line);
}

// Lanes read inside their group of `width`; a source outside it is the lane itself (CUDA C++ Programming Guide, "Warp
// Shuffle Functions").

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, const char* file = __builtin_FILE(),
              int line = __builtin_LINE()) {
  const int group = cuda_shim::lane() / width * width;
  return cuda_shim::shuffle(mask, value, group + (source & (width - 1)), file, line);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  const int lane = cuda_shim::lane(), source = lane - static_cast<int>(delta);
  return cuda_shim::shuffle(mask, value, source < lane / width * width ? lane : source, file, line);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
  const int lane = cuda_shim::lane(), source = lane + static_cast<int>(delta);
  return cuda_shim::shuffle(mask, value, source >= lane / width * width + width ? lane : source, file, line);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  const int lane = cuda_shim::lane(), source = lane ^ lanes;
  return cuda_shim::shuffle(mask, value, source >= lane / width * width + width ? lane : source, file, line);
}

inline unsigned __ballot_sync(unsigned mask, int vote, const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  return static_cast<unsigned>(cuda_shim::warp_op(cuda_shim::WarpOp::ballot, mask, vote != 0, 0, file, line));
}

inline int __any_sync(unsigned mask, int vote, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, vote, file, line) != 0;
}

inline int __all_sync(unsigned mask, int vote, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, vote, file, line) == mask;
}

// Threads run one at a time. Only of integers: adding floats in the order of arrival would not be deterministic.

template <class T>
requires std::is_integral_v<T> T atomicAdd(T* place, std::type_identity_t<T> value) {
  return std::exchange(*place, static_cast<T>(*place + value));
}

template <class T>
requires std::is_integral_v<T> T atomicMax(T* place, std::type_identity_t<T> value) {
  return std::exchange(*place, *place < value ? value : *place);
}

template <class T>
requires std::is_integral_v<T> T atomicOr(T* place, std::type_identity_t<T> value) {
  return std::exchange(*place, static_cast<T>(*place | value));
}

using std::max;
using std::min;

/// Rounded by itself: a volatile result is not fused with what uses it.
inline float __fmul_rn(float a, float b) {
  const volatile float product = a * b;
  return product;
}
inline float __fadd_rn(float a, float b) {
  const volatile float sum = a + b;
  return sum;
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float rsqrtf(float value) { return 1 / std::sqrt(value); }
inline double rsqrt(double value) { return 1 / std::sqrt(value); }

inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __clz(int bits) { return std::countl_zero(static_cast<unsigned>(bits)); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
template <class T>
T __ldg(const T* place) {
  return *place;
}

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
