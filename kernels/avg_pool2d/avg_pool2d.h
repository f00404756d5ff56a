#pragma once

#include <sluice/core/graph.h>
#include <sluice/kernels/shared/pool_window.h>

namespace sluice {

/// Windows; `kernel` must be given.
struct AvgPool2dOptions {
  Size2d kernel;
  Size2d stride = 0;              ///< 0: as the kernel, so that windows tile the input
  Size2d padding = 0;             ///< on both ends
  bool count_include_pad = true;  ///< padding counts as zeros; false: the mean of what lies inside x

  PoolWindow window() const { return PoolWindow{kernel, stride, padding}.resolved(); }
  std::string str() const;
};

/// y[n,c,i,j] = the mean of x[n,c,p,q] over the window at row i·stride.h − padding.h, column j·stride.w − padding.w.
///
/// x: [N,C,H,W], sample. Returns [N,C,H',W'] with H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1, W' alike. The mean is a
/// sum over what lies inside x, divided by kernel.h·kernel.w or, without count_include_pad, by the number of elements
/// inside. Linear in x. Gradient: avg_pool2d_grad. Throws ShapeError when a window does not fit, or padding is more
/// than half a window (it could hold nothing else).
Var avg_pool2d(Var x, const AvgPool2dOptions& options);

/// dx[n,c,p,q] = Σ dy[n,c,i,j] / count(i,j) over the windows that (p,q) lies in; count as in avg_pool2d.
///
/// dy: [N,C,H',W'], sample. Returns [N,C,height,width]. Linear in dy. Throws ShapeError when dy is not what pooling
/// [N,C,height,width] makes.
Var avg_pool2d_grad(Var dy, std::int64_t height, std::int64_t width, const AvgPool2dOptions& options);

/// What both directions share.
class AvgPool2dOpBase : public Op {
 public:
  explicit AvgPool2dOpBase(const AvgPool2dOptions& options) : options_(options) {}

  const AvgPool2dOptions& pool() const { return options_; }
  std::string options() const override { return options_.str(); }
  bool linear_in(int) const override { return true; }

 private:
  AvgPool2dOptions options_;
};

}  // namespace sluice
