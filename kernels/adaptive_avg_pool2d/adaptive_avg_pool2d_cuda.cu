#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/pool_maps_cuda.h>

namespace sluice {
namespace {

struct AdaptiveAxis {
  std::int64_t extent, windows;  ///< of x, of y

  SLUICE_HOST_DEVICE AdaptiveWindow of_window(std::int64_t i) const { return {i, windows, extent}; }
  /// The windows that element `p` of x lies in: window p of the pooling the other way round. (i·extent/windows < p + 1
  /// and (i + 1)·extent/windows > p say the same as p·windows/extent < i + 1 and (p + 1)·windows/extent > i.)
  SLUICE_HOST_DEVICE AdaptiveWindow over(std::int64_t p) const { return {p, extent, windows}; }
  SLUICE_HOST_DEVICE std::int64_t divisor(std::int64_t i) const { return of_window(i).size(); }
};

AdaptiveAxis axis(const LoweredValue& x, const LoweredValue& y, int dim) { return {x.dims[dim], y.dims[dim]}; }

// y lies as x does.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const LoweredValue &x = context.input(0), &y = context.output(0);
  return cuda::avg_pool(cuda::queue(context), view, axis(x, y, 2), axis(x, y, 3));
}

// As in avg_pool2d, a plain dy comes from a flatten and says nothing of how x lay.
std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_f32(context);
  if (context.input(0).layout.is_plain() && !context.output(0).pinned) context.require(0, Layout::channels_last());
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const LoweredValue &dy = context.input(0), &dx = context.output(0);
  return cuda::avg_pool_grad(cuda::queue(context), view, axis(dx, dy, 2), axis(dx, dy, 3));
}

}  // namespace

void register_adaptive_avg_pool2d_cuda(KernelTable& table) {
  table.add("adaptive_avg_pool2d", lower_forward);
  table.add("adaptive_avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
