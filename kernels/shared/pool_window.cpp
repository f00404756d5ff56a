#include <sluice/kernels/shared/pool_window.h>

#include <sluice/kernels/shared/input_checks.h>

namespace sluice {

bool PoolWindow::in_range() const {
  return kernel.at_least(1) && stride.at_least(1) && padding.at_least(0) && 2 * padding.h <= kernel.h &&
         2 * padding.w <= kernel.w;
}

Shape PoolWindow::result(const Shape& x) const {
  return {x[0], window_positions(x[1], kernel.h, stride.h, padding.h),
          window_positions(x[2], kernel.w, stride.w, padding.w)};
}

std::string PoolWindow::str() const {
  return "kernel=" + kernel.str() + " stride=" + stride.str() + " padding=" + padding.str();
}

void check_pool(const Op& op, const PoolWindow& window, std::span<const ValueSpec> inputs) {
  check_input(op, 0, Scope::sample, 3, "x", inputs, "an f32 sample value [N,C,H,W]");
  if (!window.in_range())
    throw_shape_error(op, "options out of range: " + window.str(), "x", inputs,
                      "kernel >= 1, stride >= 1 and 0 <= padding <= kernel / 2");
  const Shape& x = inputs[0].shape;
  if (x[1] + 2 * window.padding.h < window.kernel.h || x[2] + 2 * window.padding.w < window.kernel.w)
    throw_shape_error(op, "the window is larger than the padded input", "x", inputs,
                      "kernel <= extent + 2 * padding with " + window.str());
}

}  // namespace sluice
