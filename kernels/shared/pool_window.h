#pragma once

#include <span>
#include <string>

#include <sluice/core/op.h>
#include <sluice/core/size2d.h>

namespace sluice {

/// Where the windows of a pooling op lie: y[n,c,i,j] is made of `kernel` elements of x[n,c] from row i·stride.h −
/// padding.h and column j·stride.w − padding.w on.
struct PoolWindow {
  Size2d kernel;
  Size2d stride = 0;   ///< 0: as the kernel, so that windows tile the input
  Size2d padding = 0;  ///< on both ends

  /// With the stride spelt out.
  PoolWindow resolved() const { return {kernel, stride == Size2d(0) ? kernel : stride, padding}; }
  /// kernel >= 1, stride >= 1 and 0 <= padding <= kernel / 2: no window holds padding alone. For resolved windows.
  bool in_range() const;
  /// y's sample shape for x: [C,H,W].
  Shape result(const Shape& x) const;
  std::string str() const;
};

/// Throws ShapeError unless input 0 is an f32 sample value [N,C,H,W] into which the (resolved) window fits.
void check_pool(const Op& op, const PoolWindow& window, std::span<const ValueSpec> inputs);

}  // namespace sluice
