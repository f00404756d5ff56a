#pragma once

#include <cstdint>

#include <sluice/core/graph.h>
#include <sluice/core/host_device.h>
#include <sluice/core/size2d.h>

namespace sluice {

/// The mean of each of size.h · size.w windows that cover x, whatever its extents: window i of `count` over `extent`
/// rows holds rows ⌊i·extent/count⌋ to ⌈(i+1)·extent/count⌉ − 1, columns alike. Windows overlap where `count` does not
/// divide `extent`, and repeat elements where it is larger.
///
/// x: [N,C,H,W], f32, sample. Returns [N,C,size.h,size.w]; x itself when it has that size. Linear in x. Where windows
/// tile x it is avg_pool2d, for a size of 1x1 global_avg_pool2d. Throws ShapeError when x is not [N,C,H,W] or a size is
/// below 1.
Var adaptive_avg_pool2d(Var x, Size2d size);

/// dx[n,c,p,q] = Σ dy[n,c,i,j] / count(i,j) over the windows that (p,q) lies in.
///
/// dy: [N,C,H',W'], f32, sample. Returns [N,C,extent.h,extent.w]. Linear in dy. Throws ShapeError when dy is not
/// [N,C,H',W'] or an extent is below 1.
Var adaptive_avg_pool2d_grad(Var dy, Size2d extent);

/// Rows (or columns) [begin, end) of one window.
struct AdaptiveWindow {
  std::int64_t begin, end;

  SLUICE_HOST_DEVICE AdaptiveWindow(std::int64_t i, std::int64_t count, std::int64_t extent)
      : begin(i * extent / count),
        end(((i + 1) * extent + count - 1) / count) {}
  SLUICE_HOST_DEVICE std::int64_t size() const { return end - begin; }
};

}  // namespace sluice
