#include <algorithm>

#include <sluice/kernels/lowering.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>

namespace sluice {
namespace {

/// Calls visit(window, tap, place) for every element of x under every window: position of the window in y, of the
/// element in the window, of the element in x. Taps of a window come in row-major order.
template <class Visit>
void for_each_tap(const MaxPool2dOptions& o, const Shape& x, const Shape& y, const Visit& visit) {
  for (std::int64_t window = 0; window < y.elements(); ++window) {
    const std::int64_t i = window / y[3] % y[2], j = window % y[3], plane = window / (y[2] * y[3]);
    for (std::int64_t tap = 0; tap < o.kernel.h * o.kernel.w; ++tap) {
      const std::int64_t row = i * o.stride.h - o.padding.h + tap / o.kernel.w;
      const std::int64_t column = j * o.stride.w - o.padding.w + tap % o.kernel.w;
      if (row >= 0 && row < x[2] && column >= 0 && column < x[3])
        visit(window, tap, (plane * x[2] + row) * x[3] + column);
    }
  }
}

template <class Index>
std::unique_ptr<Kernel> forward_kernel(const MaxPool2dOptions& options, const Shape& x_dims, const Shape& y_dims) {
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    auto* indices = static_cast<Index*>(at.outputs[1]);
    std::int64_t last = -1;
    for_each_tap(options, x_dims, y_dims, [&](std::int64_t window, std::int64_t tap, std::int64_t place) {
      if (window == last && !(x[place] > y[window])) return;
      last = window;
      y[window] = x[place];
      indices[window] = static_cast<Index>(tap);
    });
  });
}

template <class Index>
std::unique_ptr<Kernel> grad_kernel(const MaxPool2dOptions& options, const Shape& x_dims, const Shape& y_dims) {
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
