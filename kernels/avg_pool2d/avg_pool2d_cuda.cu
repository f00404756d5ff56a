#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/pool_axis.h>
#include <sluice/kernels/shared/pool_maps_cuda.h>

namespace sluice {
namespace {

struct AvgAxis : PoolAxis {
  bool count_padding;

  /// The share of an axis in the number that window `i` divides by.
  SLUICE_HOST_DEVICE std::int64_t divisor(std::int64_t i) const { return count_padding ? kernel : of_window(i).size(); }
};

/// The axis `dim` of maps [N,C,H,W].
AvgAxis axis(const LoweringContext& context, const LoweredValue& x, const LoweredValue& y, int dim) {
  const AvgPool2dOptions& options = context.op<AvgPool2dOpBase>().pool();
  const PoolWindow window = options.window();
  const auto of = [dim](const Size2d& size) { return dim == 2 ? size.h : size.w; };
  return {{x.dims[dim], y.dims[dim], of(window.kernel), of(window.stride), of(window.padding)},
          options.count_include_pad};
}

// y lies as x does.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const LoweredValue &x = context.input(0), &y = context.output(0);
  return cuda::avg_pool(cuda::queue(context), view, axis(context, x, y, 2), axis(context, x, y, 3));
}

// dx lies as dy does. A plain dy comes from a flatten and says nothing of how x lay; then dx lies as convolutions like
// it, and the smaller dy is the one to be reordered.
std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_f32(context);
  if (context.input(0).layout.is_plain() && !context.output(0).pinned) context.require(0, Layout::channels_last());
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const LoweredValue &dy = context.input(0), &dx = context.output(0);
  return cuda::avg_pool_grad(cuda::queue(context), view, axis(context, dx, dy, 2), axis(context, dx, dy, 3));
}

}  // namespace

void register_avg_pool2d_cuda(KernelTable& table) {
  table.add("avg_pool2d", lower_forward);
  table.add("avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
