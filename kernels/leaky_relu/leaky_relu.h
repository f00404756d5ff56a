#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// leaky_relu(x) = x where x >= 0, else slope · x, elementwise; NaN stays NaN.
///
/// x: any shape, any scope, floating. Returns the same shape, scope and dtype; may overwrite x. slope >= 0, so that the
/// output has the sign of x; slope 0 is relu.
/// Gradient: leaky_relu_grad(y, dy), from the output, so x is not saved for backward.
/// Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.
/// Throws ShapeError when x is not floating or slope is negative or no f32 number.
Var leaky_relu(Var x, double slope = 0.01);

/// dx = dy where y > 0, else slope · dy: the gradient of leaky_relu, from its output y. The derivative at 0 is slope.
///
/// y, dy: equal shape and dtype. Returns the same; may overwrite dy or y. Linear in dy, not differentiable in y.
/// Throws ShapeError when they differ or slope is negative or no f32 number.
Var leaky_relu_grad(Var y, Var dy, double slope);

/// What both directions share; kernels read the slope.
class LeakyReluOpBase : public Op {
 public:
  explicit LeakyReluOpBase(double slope) : slope_(slope) {}

  double slope() const { return slope_; }
  std::string options() const override;
  bool batch_capable() const override { return true; }

 protected:
  /// Throws ShapeError for a slope out of range.
  void check_slope(std::span<const ValueSpec> inputs, std::string_view names) const;

 private:
  double slope_;
};

}  // namespace sluice
