#include <sluice/kernels/max_pool2d/max_pool2d_cpu_loops.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include <sluice/kernels/cpu/parallel.h>

namespace sluice::cpu {
namespace {

/// Eight channels side by side. Vectors are spelt out: of arrays and a loop over them compilers make memory traffic.
struct EightChannels {
  static constexpr std::int64_t count = 8;
  using Values = float __attribute__((vector_size(count * 4)));
  using Taps = std::int32_t __attribute__((vector_size(count * 4)));

  [[gnu::always_inline]] static void store(const Taps& taps, std::int32_t* to) { std::memcpy(to, &taps, sizeof taps); }
  [[gnu::always_inline]] static void store(const Taps& taps, std::uint8_t* to) {
    using Halves = std::uint16_t __attribute__((vector_size(count * 2)));
    using Bytes = std::uint8_t __attribute__((vector_size(count)));
    const Bytes bytes = __builtin_convertvector(__builtin_convertvector(taps, Halves), Bytes);
    std::memcpy(to, &bytes, sizeof bytes);
  }
};

struct OneChannel {
  static constexpr std::int64_t count = 1;
  using Values = float;
  using Taps = std::int32_t;

  template <class Index>
  [[gnu::always_inline]] static void store(Taps tap, Index* to) {
    *to = static_cast<Index>(tap);
  }
};

template <class Channels, class Index>
[[gnu::always_inline]] inline void max_of_channels(const PoolWindows& windows, std::int64_t i, const float* x, float* y,
                                                   Index* indices, std::int64_t inner) {
  const PoolAxis& columns = windows.columns;
  const PoolRange rows = windows.rows.of_window(i);
  const std::int64_t height = rows.size(), first_row = rows.begin - windows.rows.first(i);
  x += rows.begin * columns.extent * inner;
  for (std::int64_t j = 0; j < columns.windows; ++j, y += inner, indices += inner) {
    const PoolRange range = columns.of_window(j);
    const std::int64_t first_tap = first_row * columns.kernel + range.begin - columns.first(j);
    typename Channels::Values largest = typename Channels::Values{} - std::numeric_limits<float>::infinity();
    typename Channels::Taps where = typename Channels::Taps{} + static_cast<std::int32_t>(first_tap);
    for (std::int64_t p = 0; p < height; ++p) {
      const float* from = x + (p * columns.extent + range.begin) * inner;
      auto tap = static_cast<std::int32_t>(first_tap + p * columns.kernel);
      const auto take = [&](std::int64_t width) __attribute__((always_inline)) {
        for (std::int64_t q = 0; q < width; ++q, ++tap, from += inner) {
          typename Channels::Values value;
          std::memcpy(&value, from, sizeof value);
          const auto larger = (value > largest) | (value != value);
          largest = larger ? value : largest;
          where = larger ? typename Channels::Taps{} + tap : where;
        }
      };
      switch (range.size()) {  // the usual widths unroll
        case 2: take(2); break;
        case 3: take(3); break;
        default: take(range.size());
      }
    }
    std::memcpy(y, &largest, sizeof largest);
    Channels::store(where, indices);
  }
}

template <class Index>
[[gnu::always_inline]] inline void max_row(const PoolWindows& windows, std::int64_t i, const float* x, float* y,
                                           Index* indices, std::int64_t inner) {
  std::int64_t c = 0;
  for (; c + EightChannels::count <= inner; c += EightChannels::count)
    max_of_channels<EightChannels>(windows, i, x + c, y + c, indices + c, inner);
  for (; c < inner; ++c) max_of_channels<OneChannel>(windows, i, x + c, y + c, indices + c, inner);
}

}  // namespace

SLUICE_CLONES void max_pool_row(const PoolWindows& windows, std::int64_t i, const float* x, float* y,
                                std::uint8_t* indices, std::int64_t inner) {
  max_row(windows, i, x, y, indices, inner);
}

SLUICE_CLONES void max_pool_row(const PoolWindows& windows, std::int64_t i, const float* x, float* y,
                                std::int32_t* indices, std::int64_t inner) {
  max_row(windows, i, x, y, indices, inner);
}

}  // namespace sluice::cpu
