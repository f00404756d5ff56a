#pragma once

#include <sluice/kernels/shared/pool_window.h>

namespace sluice::reference {

/// Calls visit(window, tap, place) for every element of x under every window: position of the window in y, of the
/// element in the window, of the element in x. Taps of a window come in row-major order; those on padding are left out.
/// x, y: [N,C,H,W], plain.
template <class Visit>
void for_each_tap(const PoolWindow& o, const Shape& x, const Shape& y, const Visit& visit) {
  for (std::int64_t window = 0; window < y.elements(); ++window) {
    const std::int64_t i = window / y[3] % y[2], j = window % y[3], plane = window / (y[2] * y[3]);
    for (std::int64_t tap = 0; tap < o.kernel.h * o.kernel.w; ++tap) {
      const std::int64_t row = i * o.stride.h - o.padding.h + tap / o.kernel.w;
      const std::int64_t column = j * o.stride.w - o.padding.w + tap % o.kernel.w;
      if (row >= 0 && row < x[2] && column >= 0 && column < x[3])
        visit(window, tap, (plane * x[2] + row) * x[3] + column);
    }
  }
}

}  // namespace sluice::reference
