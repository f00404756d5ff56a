#include <sluice/core/error.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

using onednn::layout_of;

onednn::Pooling pooling(const MaxPool2dOptions& options, const onednn::Md& x, const onednn::Md& y) {
  return {.algorithm = dnnl::algorithm::pooling_max, .window = options, .x = x, .y = y};
}

/// The indices are oneDNN's pooling workspace; the op promised their dtype before the primitive was asked.
void check_indices(const onednn::Md& workspace, const LoweredValue& indices) {
  if (workspace != onednn::descriptor(indices))
    throw BackendError("max_pool2d: oneDNN keeps indices of another size or order; got " +
                       std::to_string(workspace.get_size()) + " bytes; expected " + std::to_string(indices.bytes()));
}

template <class Pd>
Pd checked(Pd pd, const LoweringContext& context) {
  if (!pd)
    throw BackendError(std::string(context.op().type()) + ": oneDNN has no max pooling; got " + context.op().options() +
                       "; expected one it implements");
  return pd;
}

// Pooling works in any layout, so it takes x as it lies; except that oneDNN leaves padding of four-byte indices
// unwritten.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  const LoweredValue& given = context.input(0);
  const bool padded = given.padded_elements() != given.elements();
  context.require(0, padded && context.output(1).dtype == DType::i32 ? Layout() : given.layout);
  const onednn::Md x = onednn::descriptor(context.input(0));
  const auto pd = checked(
      onednn::forward(pooling(context.op<MaxPool2dOp>().pool(), x, onednn::any_layout(context.output(0)))), context);
  const Layout layout = layout_of(pd.dst_desc());
  context.set_layout(0, layout);
  context.set_layout(1, layout);
  check_indices(pd.workspace_desc(), context.output(1));
  return onednn::primitive_kernel(pd,
                                  {onednn::input(DNNL_ARG_SRC, x, 0), onednn::output(DNNL_ARG_DST, pd.dst_desc(), 0),
                                   onednn::output(DNNL_ARG_WORKSPACE, pd.workspace_desc(), 1)});
}

// The indices lie as forward's y did; dy is asked to do the same, and so does dx.
std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  const LoweredValue& indices = context.input(1);
  context.require(0, indices.layout);
  context.require(1, indices.layout);
  const onednn::Md dy = onednn::descriptor(context.input(0));
  const onednn::Md dx = onednn::descriptor(context.output(0).dims, context.output(0).dtype, indices.layout);
  const auto pd = checked(onednn::backward(pooling(context.op<MaxPool2dGradOp>().pool(), dx, dy)), context);
  context.set_layout(0, indices.layout);
  check_indices(pd.workspace_desc(), indices);
  return onednn::primitive_kernel(
      pd, {onednn::input(DNNL_ARG_DIFF_DST, dy, 0), onednn::input(DNNL_ARG_WORKSPACE, pd.workspace_desc(), 1),
           onednn::output(DNNL_ARG_DIFF_SRC, dx, 0)});
}

}  // namespace

void register_max_pool2d_cpu(KernelTable& table) {
  table.add("max_pool2d", lower_forward, {}, "oneDNN");
  table.add("max_pool2d_grad", lower_grad, {}, "oneDNN");
}

}  // namespace sluice
