#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice::cuda {

inline constexpr int wide = 4;  ///< floats of an access of 16 bytes

inline bool allows_wide(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

/// Consecutive elements that travel in one access.
template <class T, int width>
struct alignas(sizeof(T) * width) Pack {
  T at[width];
};

template <int width, class T>
SLUICE_HOST_DEVICE Pack<T, width> load_pack(const T* x, std::int64_t pack) {
  return reinterpret_cast<const Pack<T, width>*>(x)[pack];
}

template <int width, class T, class F, class... Packs>
SLUICE_HOST_DEVICE Pack<T, width> apply_to_packs(F f, const Packs&... x) {
  Pack<T, width> y;
  for (int i = 0; i < width; ++i) y.at[i] = f(x.at[i]...);
  return y;
}

/// The share of thread `thread` of `threads` in y[i] = f(x[i]...), 0 <= i < count: packs of `width` elements, then what
/// is left over. y may be one of x: an element is read before it is written, by the same thread. Every pointer is
/// aligned to `width` of its elements. Plain C++, so that tests run it without a GPU.
template <int width, class F, class T, class... X>
SLUICE_HOST_DEVICE void map_elements(std::int64_t thread, std::int64_t threads, std::int64_t count, F f, T* y,
                                     const X*... x) {
  const std::int64_t packs = count / width;
  for (std::int64_t p = thread; p < packs; p += threads)
    reinterpret_cast<Pack<T, width>*>(y)[p] = apply_to_packs<width, T>(f, load_pack<width>(x, p)...);
  for (std::int64_t i = packs * width + thread; i < count; i += threads) y[i] = f(x[i]...);
}

}  // namespace sluice::cuda
