#include <algorithm>

#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/pool_taps_reference.h>

namespace sluice {
namespace {

using reference::for_each_tap;

template <class Index>
std::unique_ptr<Kernel> forward_kernel(const PoolWindow& options, const Shape& x_dims, const Shape& y_dims) {
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    auto* indices = static_cast<Index*>(at.outputs[1]);
    std::int64_t last = -1;
    for_each_tap(options, x_dims, y_dims, [&](std::int64_t window, std::int64_t tap, std::int64_t place) {
      if (window == last && !ReplacesMaximum{}(x[place], y[window])) return;
      last = window;
      y[window] = x[place];
      indices[window] = static_cast<Index>(tap);
    });
  });
}

template <class Index>
std::unique_ptr<Kernel> grad_kernel(const PoolWindow& options, const Shape& x_dims, const Shape& y_dims) {
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    const auto* indices = static_cast<const Index*>(at.inputs[1]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    std::fill_n(dx, x_dims.elements(), 0.0);
    for_each_tap(options, x_dims, y_dims, [&](std::int64_t window, std::int64_t tap, std::int64_t place) {
      if (indices[window] == tap) dx[place] += dy[window];
    });
  });
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<MaxPool2dOp>();
  const auto make = op.index_dtype() == DType::u8 ? forward_kernel<std::uint8_t> : forward_kernel<std::int32_t>;
  return make(op.pool(), context.input(0).dims, context.output(0).dims);
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<MaxPool2dGradOp>();
  const auto make = op.index_dtype() == DType::u8 ? grad_kernel<std::uint8_t> : grad_kernel<std::int32_t>;
  return make(op.pool(), context.output(0).dims, context.input(0).dims);
}

}  // namespace

void register_max_pool2d_reference(KernelTable& table) {
  table.add("max_pool2d", lower_forward);
  table.add("max_pool2d_grad", lower_grad);
}

}  // namespace sluice
