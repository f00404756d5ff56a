#include <algorithm>
#include <vector>

#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/pool_taps_reference.h>

namespace sluice {
namespace {

/// By how much each window of y divides.
std::vector<double> counts(const AvgPool2dOptions& options, const Shape& x, const Shape& y) {
  const PoolWindow window = options.window();
  const auto all = static_cast<double>(window.kernel.h * window.kernel.w);
  std::vector<double> counts(static_cast<std::size_t>(y.elements()), options.count_include_pad ? all : 0);
  if (!options.count_include_pad)
    reference::for_each_tap(window, x, y, [&](std::int64_t at, auto, auto) { counts[static_cast<std::size_t>(at)]++; });
  return counts;
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const AvgPool2dOptions options = context.op<AvgPool2dOpBase>().pool();
  const Shape x_dims = context.input(0).dims, y_dims = context.output(0).dims;
  return make_kernel([=, counts = counts(options, x_dims, y_dims)](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    std::fill_n(y, y_dims.elements(), 0.0);
    reference::for_each_tap(options.window(), x_dims, y_dims, [&](std::int64_t window, auto, std::int64_t place) {
      y[window] += x[place] / counts[static_cast<std::size_t>(window)];
    });
  });
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  const AvgPool2dOptions options = context.op<AvgPool2dOpBase>().pool();
  const Shape x_dims = context.output(0).dims, y_dims = context.input(0).dims;
  return make_kernel([=, counts = counts(options, x_dims, y_dims)](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    std::fill_n(dx, x_dims.elements(), 0.0);
    reference::for_each_tap(options.window(), x_dims, y_dims, [&](std::int64_t window, auto, std::int64_t place) {
      dx[place] += dy[window] / counts[static_cast<std::size_t>(window)];
    });
  });
}

}  // namespace

void register_avg_pool2d_reference(KernelTable& table) {
  table.add("avg_pool2d", lower_forward);
  table.add("avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
