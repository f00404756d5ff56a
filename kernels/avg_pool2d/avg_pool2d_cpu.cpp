#include <sluice/core/error.h>
#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

using onednn::layout_of;

onednn::Pooling pooling(const LoweringContext& context, const onednn::Md& x, const onednn::Md& y) {
  const AvgPool2dOptions& options = context.op<AvgPool2dOpBase>().pool();
  const PoolWindow window = options.window();
  return {.algorithm = options.count_include_pad ? dnnl::algorithm::pooling_avg_include_padding
                                                 : dnnl::algorithm::pooling_avg_exclude_padding,
          .kernel = window.kernel,
          .stride = window.stride,
          .padding = window.padding,
          .x = x,
          .y = y};
}

template <class Pd>
Pd checked(Pd pd, const LoweringContext& context) {
  if (!pd)
    throw BackendError(std::string(context.op().type()) + ": oneDNN has no average pooling; got " +
                       context.op().options() + "; expected one it implements");
  return pd;
}

// Pooling works in any layout, so it takes x as it lies.
std::unique_ptr<Kernel> lower_avg_pool2d(LoweringContext& context) {
  context.require(0, context.input(0).layout);
  const onednn::Md x = onednn::descriptor(context.input(0));
  const auto pd = checked(onednn::forward(pooling(context, x, onednn::any_layout(context.output(0)))), context);
  context.set_layout(0, layout_of(pd.dst_desc()));
  return onednn::primitive_kernel(pd,
                                  {onednn::input(DNNL_ARG_SRC, x, 0), onednn::output(DNNL_ARG_DST, pd.dst_desc(), 0)});
}

// dx lies as dy does. A plain dy comes from a flatten and says nothing of how x lay; then dx lies as convolutions like
// it, and the smaller dy is the one to be reordered.
std::unique_ptr<Kernel> lower_avg_pool2d_grad(LoweringContext& context) {
  const LoweredValue& to = context.output(0);
  const bool free = context.input(0).layout.is_plain() && !to.pinned;
  const Layout layout = free ? onednn::activation_layout(to.dims, to.dtype) : context.input(0).layout;
  context.require(0, layout);
  context.set_layout(0, layout);
  const onednn::Md dy = onednn::descriptor(context.input(0)), dx = onednn::descriptor(context.output(0));
  const auto pd = checked(onednn::backward(pooling(context, dx, dy)), context);
  return onednn::primitive_kernel(pd,
                                  {onednn::input(DNNL_ARG_DIFF_DST, dy, 0), onednn::output(DNNL_ARG_DIFF_SRC, dx, 0)});
}

}  // namespace

void register_avg_pool2d_cpu(KernelTable& table) {
  table.add("avg_pool2d", lower_avg_pool2d, {}, "oneDNN");
  table.add("avg_pool2d_grad", lower_avg_pool2d_grad, {}, "oneDNN");
}

}  // namespace sluice
