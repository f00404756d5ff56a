#include <sluice/core/error.h>
#include <sluice/kernels/lowering.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {
namespace {

using onednn::matrix;

// Matrix products with everything plain, not oneDNN's inner product: that one is no faster, pads the weights to whole
// blocks, and cannot add, which would take a second copy of the weights as workspace for every gradient.

dnnl::matmul::primitive_desc checked(dnnl::matmul::primitive_desc pd, const LoweringContext& context) {
  if (!pd)
    throw BackendError(std::string(context.op().type()) + ": oneDNN has no matrix product; got " +
                       context.input(0).dims.str() + ", " + context.input(1).dims.str() +
                       "; expected one it implements");
  return pd;
}

/// y = x · wᵀ + b.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.output(0).dims[1];
  const onednn::Md x = matrix(n, f), w = matrix(f, o, true), y = matrix(n, o);
  const onednn::Md b = context.inputs() == 3 ? matrix(1, o) : onednn::Md();
  const auto pd = checked(onednn::matmul(x, w, b, y), context);
  std::vector<onednn::Slot> slots{onednn::input(DNNL_ARG_SRC, x, 0), onednn::input(DNNL_ARG_WEIGHTS, w, 1),
                                  onednn::output(DNNL_ARG_DST, y, 0)};
  if (context.inputs() == 3) slots.push_back(onednn::input(DNNL_ARG_BIAS, b, 2));
  return onednn::primitive_kernel(pd, std::move(slots));
}

/// dx = dy · w.
std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], o = context.input(0).dims[1], f = context.output(0).dims[1];
  const onednn::Md dy = matrix(n, o), w = matrix(o, f), dx = matrix(n, f);
  const auto pd = checked(onednn::matmul(dy, w, {}, dx), context);
  return onednn::primitive_kernel(pd, {onednn::input(DNNL_ARG_SRC, dy, 0), onednn::input(DNNL_ARG_WEIGHTS, w, 1),
                                       onednn::output(DNNL_ARG_DST, dx, 0)});
}

/// dw += dyᵀ · x.
std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.input(1).dims[1];
  const onednn::Md dy = matrix(o, n, true), x = matrix(n, f), dw = matrix(o, f);
  const auto pd = checked(onednn::matmul(dy, x, {}, dw, /*accumulate=*/true), context);
  return onednn::primitive_kernel(pd, {onednn::input(DNNL_ARG_SRC, dy, 1), onednn::input(DNNL_ARG_WEIGHTS, x, 0),
                                       onednn::output(DNNL_ARG_DST, dw, 0)});
}

}  // namespace

void register_linear_cpu(KernelTable& table) {
  table.add("linear", lower_forward, {}, "oneDNN");
  table.add("linear_grad_input", lower_grad_input, {}, "oneDNN");
  table.add("linear_grad_weight", lower_grad_weight, {}, "oneDNN");
}

}  // namespace sluice
