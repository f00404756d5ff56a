#include <algorithm>

#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// visit(place in x, window in y, elements in the window) for every element of x under every window.
template <class Visit>
void for_each_element(const Shape& x, const Shape& y, const Visit& visit) {
  for (std::int64_t window = 0; window < y.elements(); ++window) {
    const AdaptiveWindow rows(window / y[3] % y[2], y[2], x[2]), columns(window % y[3], y[3], x[3]);
    const std::int64_t plane = window / (y[2] * y[3]);
    for (std::int64_t p = rows.begin; p < rows.end; ++p)
      for (std::int64_t q = columns.begin; q < columns.end; ++q)
        visit((plane * x[2] + p) * x[3] + q, window, static_cast<double>(rows.size() * columns.size()));
  }
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel(
      [x_dims = context.input(0).dims, y_dims = context.output(0).dims](const Addresses& at, const RunContext&) {
        const auto* x = static_cast<const double*>(at.inputs[0]);
        auto* y = static_cast<double*>(at.outputs[0]);
        std::fill_n(y, y_dims.elements(), 0.0);
        for_each_element(x_dims, y_dims,
                         [=](std::int64_t place, std::int64_t window, double count) { y[window] += x[place] / count; });
      });
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([x_dims = context.output(0).dims, y_dims = context.input(0).dims](const Addresses& at,
                                                                                       const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    std::fill_n(dx, x_dims.elements(), 0.0);
    for_each_element(x_dims, y_dims,
                     [=](std::int64_t place, std::int64_t window, double count) { dx[place] += dy[window] / count; });
  });
}

}  // namespace

void register_adaptive_avg_pool2d_reference(KernelTable& table) {
  table.add("adaptive_avg_pool2d", lower_forward);
  table.add("adaptive_avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
