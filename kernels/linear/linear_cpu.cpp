#include <sluice/core/error.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

using onednn::layout_of;

/// Activations are plain [N,F] (they come from a flatten and go to a loss); oneDNN chooses how the weights lie, because with
/// its blocked kernels the scratch is in our hands, while a plain matrix goes to a GEMM that allocates behind our back.
onednn::InnerProduct inner_product(const LoweredValue& x, const LoweredValue& w, const LoweredValue& y) {
  return {.x = onednn::descriptor(x.dims, x.dtype, Layout()),
          .w = onednn::any_layout(w),
          .b = {},
          .y = onednn::descriptor(y.dims, y.dtype, Layout())};
}

template <class Pd>
Pd checked(Pd pd, const LoweringContext& context) {
  if (!pd)
    throw BackendError(std::string(context.op().type()) + ": oneDNN has no inner product; got " +
                       context.input(0).dims.str() + ", " + context.input(1).dims.str() + "; expected one it implements");
  return pd;
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  const bool bias = context.inputs() == 3;
  onednn::InnerProduct linear = inner_product(context.input(0), context.input(1), context.output(0));
  context.require_plain(0);
  if (bias) {
    context.require_plain(2);
    linear.b = onednn::descriptor(context.input(2));
  }
  const auto pd = checked(onednn::forward(linear), context);
  context.require(1, layout_of(pd.weights_desc()));
  context.set_layout(0, Layout());
  std::vector<onednn::Slot> slots{onednn::input(DNNL_ARG_SRC, linear.x, 0),
                                  onednn::input(DNNL_ARG_WEIGHTS, pd.weights_desc(), 1),
                                  onednn::output(DNNL_ARG_DST, linear.y, 0)};
  if (bias) slots.push_back(onednn::input(DNNL_ARG_BIAS, linear.b, 2));
  return onednn::primitive_kernel(pd, std::move(slots));
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  const auto linear = inner_product(context.output(0), context.input(1), context.input(0));
  const auto pd = checked(onednn::backward_data(linear), context);
  context.require_plain(0);
  context.require(1, layout_of(pd.weights_desc()));
  context.set_layout(0, Layout());
  return onednn::primitive_kernel(pd, {onednn::input(DNNL_ARG_DIFF_DST, linear.y, 0),
                                       onednn::input(DNNL_ARG_WEIGHTS, pd.weights_desc(), 1),
                                       onednn::output(DNNL_ARG_DIFF_SRC, linear.x, 0)});
}

std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  const auto linear = inner_product(context.input(0), context.output(0), context.input(1));
  const auto pd = checked(onednn::backward_weights(linear), context);
  context.require_plain(0);
  context.require_plain(1);
  if (!context.output(0).pinned) context.set_layout(0, layout_of(pd.diff_weights_desc()));
  return onednn::accumulating_kernel(
      pd, {onednn::input(DNNL_ARG_SRC, linear.x, 0), onednn::input(DNNL_ARG_DIFF_DST, linear.y, 1)},
      DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), onednn::descriptor(context.output(0)));
}

}  // namespace

void register_linear_cpu(KernelTable& table) {
  table.add("linear", lower_forward);
  table.add("linear_grad_input", lower_grad_input);
  table.add("linear_grad_weight", lower_grad_weight);
}

}  // namespace sluice
