#pragma once

// Elementwise kernels whose operands may repeat, with the mask of a relu where one is wanted; for .cu files.

#include <sluice/core/bits.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/relu_functors.h>

namespace sluice::cuda {

/// An operand that begins again after `period` elements of the result: never (as many as there are), for every sample
/// (those of one), or with every element (1).
struct Operand {
  const float* values;
  std::int64_t period;

  /// Whether loads of four elements are possible, in a result of `count`.
  bool loads_wide(std::int64_t count) const {
    return period == 1 || (allows_wide(values) && (period == count || period % wide == 0));
  }
  /// `width` elements from `i` on, a multiple of it.
  template <int width>
  __device__ Pack<float, width> load(std::int64_t i) const {
    if (period != 1) return load_pack<width>(values, (i < period ? i : i % period) / width);
    Pack<float, width> pack;
    for (int k = 0; k < width; ++k) pack.at[k] = *values;
    return pack;
  }
};

/// y[i] = f(x[i]...). y may be where an operand without repetition is.
template <int width, class F, class... X>
__global__ void map_operands_kernel(std::int64_t count, F f, float* y, X... x) {
  const std::int64_t thread = grid_thread(), threads = grid_threads(), packs = count / width;
  for (std::int64_t p = thread; p < packs; p += threads)
    reinterpret_cast<Pack<float, width>*>(y)[p] = apply_to_packs<width, float>(f, x.template load<width>(p * width)...);
  for (std::int64_t i = packs * width + thread; i < count; i += threads) y[i] = f(x.template load<1>(i).at[0]...);
}

/// A thread has the bits of `width` elements, the warp those of 32 · width: writes them as words, `words` at most.
template <int width>
__device__ void store_mask(std::uint32_t bits, std::uint32_t* mask, std::int64_t words) {
  constexpr int sharers = warp_threads / width;  // threads whose bits make a word
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  std::uint32_t word = bits << (lane % sharers * width);
  for (int distance = 1; distance < sharers; distance *= 2) word |= __shfl_xor_sync(whole_warp, word, distance);
  if (lane % sharers == 0 && lane / sharers < words) mask[lane / sharers] = word;
}

/// The same, for a function that ends in a relu, with the mask of y.
template <int width, class F, class... X>
__global__ void map_operands_masked_kernel(std::int64_t count, F f, float* y, std::uint32_t* mask, X... x) {
  const std::int64_t lane = threadIdx.x % warp_threads;
  for (std::int64_t first = (grid_thread() - lane) * width; first < count; first += grid_threads() * width) {
    const std::int64_t i = first + lane * width;
    std::uint32_t bits = 0;
    if (i + width <= count) {
      const Pack<float, width> pack = apply_to_packs<width, float>(f, x.template load<width>(i)...);
      reinterpret_cast<Pack<float, width>*>(y)[i / width] = pack;
      for (int k = 0; k < width; ++k) bits |= static_cast<std::uint32_t>(ReluMaskFunctor{}(pack.at[k])) << k;
    } else {
      for (int k = 0; k < width && i + k < count; ++k) {
        y[i + k] = f(x.template load<1>(i + k).at[0]...);
        bits |= static_cast<std::uint32_t>(ReluMaskFunctor{}(y[i + k])) << k;
      }
    }
    store_mask<width>(bits, mask + first / word_bits, bit_words(count - first));
  }
}

/// y[i] = f(x[i]...) for 0 <= i < count, in 16-byte accesses where all operands allow it.
template <class F, class... X>
void map_operands(const Queue& queue, std::int64_t count, F f, float* y, const X&... x) {
  if (allows_wide(y) && (x.loads_wide(count) && ...))
    launch(queue, count / wide, map_operands_kernel<wide, F, X...>, count, f, y, x...);
  else
    launch(queue, count, map_operands_kernel<1, F, X...>, count, f, y, x...);
}

/// The same, with the mask of y.
template <class F, class... X>
void map_operands_masked(const Queue& queue, std::int64_t count, F f, float* y, std::uint32_t* mask, const X&... x) {
  if (allows_wide(y) && (x.loads_wide(count) && ...))
    launch(queue, count / wide, map_operands_masked_kernel<wide, F, X...>, count, f, y, mask, x...);
  else
    launch(queue, count, map_operands_masked_kernel<1, F, X...>, count, f, y, mask, x...);
}

}  // namespace sluice::cuda
