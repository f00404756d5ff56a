#include <sluice/kernels/conv2d/conv2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/conv2d/conv2d_ops.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

/// Multiply-adds × 2 of one sample: each of w's taps once per position of y.
double conv_flops(const Shape& w, const Shape& y) {
  return 2.0 * static_cast<double>(w.elements()) * static_cast<double>(y[1] * y[2]);
}

Size2d kernel_of(const Shape& w) { return {w[2], w[3]}; }

}  // namespace

void Conv2dOpBase::check_options(std::string_view names, std::span<const ValueSpec> inputs) const {
  if (!options_.stride.at_least(1) || !options_.dilation.at_least(1) || !options_.padding.at_least(0) ||
      options_.groups < 1)
    throw_shape_error(*this, "options out of range: " + options_.str(), names, inputs,
                      "stride >= 1, dilation >= 1, padding >= 0, groups >= 1");
}

void Conv2dOpBase::check_input(int i, Scope scope, int rank, std::string_view names,
                               std::span<const ValueSpec> inputs) const {
  sluice::check_input(*this, static_cast<std::size_t>(i), scope, rank, names, inputs,
                      scope == Scope::sample ? "an f32 sample value [N,C,H,W]"
                      : rank == 1            ? "an f32 batch value [O]"
                                             : "an f32 batch value [O,C/groups,kh,kw]");
}

Shape Conv2dOpBase::result(const Shape& x, const Shape& w, std::string_view names,
                           std::span<const ValueSpec> inputs) const {
  check_options(names, inputs);
  const std::int64_t groups = options_.groups;
  if (x[0] != w[1] * groups)
    throw_shape_error(*this, "channels differ", names, inputs,
                      "x.C == w.C * groups with groups=" + std::to_string(groups));
  if (w[0] % groups != 0)
    throw_shape_error(*this, "output channels do not divide into groups", names, inputs,
                      "w.O % groups == 0 with groups=" + std::to_string(groups));
  const std::int64_t h = window_positions(x[1], w[2], options_.stride.h, options_.padding.h, options_.dilation.h);
  const std::int64_t wide = window_positions(x[2], w[3], options_.stride.w, options_.padding.w, options_.dilation.w);
  if (h < 1 || wide < 1)
    throw_shape_error(*this, "the kernel is larger than the padded input", names, inputs,
                      "dilation * (k - 1) + 1 <= extent + 2 * padding with " + options_.str());
  return {w[0], h, wide};
}

std::vector<ValueSpec> Conv2dOp::infer(std::span<const ValueSpec> inputs) const {
  const std::string_view names = has_bias_ ? "x,w,b" : "x,w";
  check_input(0, Scope::sample, 3, names, inputs);
  check_input(1, Scope::batch, 4, names, inputs);
  if (has_bias_) check_input(2, Scope::batch, 1, names, inputs);
  const Shape y = result(inputs[0].shape, inputs[1].shape, names, inputs);
  if (has_bias_ && inputs[2].shape[0] != y[0])
    throw_shape_error(*this, "the bias does not fit the output channels", names, inputs, "b.O == w.O");
  return {{.shape = y, .dtype = DType::f32, .scope = Scope::sample}};
}

void Conv2dOp::gradient(GradientContext& context) const {
  const Var x = context.input(0), w = context.input(1), dy = context.dy();
  if (context.needs(0)) context.set(0, conv2d_grad_input(dy, w, x.shape(), options_));
  if (context.needs(1)) context.set(1, conv2d_grad_weight(x, dy, kernel_of(w.shape()), options_));
  if (has_bias_ && context.needs(2)) context.set(2, bias_grad(dy));
}

double Conv2dOp::flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const {
  return conv_flops(inputs[1].shape, outputs[0].shape);
}

std::vector<ValueSpec> Conv2dGradInputOp::infer(std::span<const ValueSpec> inputs) const {
  check_input(0, Scope::sample, 3, "dy,w", inputs);
  check_input(1, Scope::batch, 4, "dy,w", inputs);
  if (x_shape_.rank() != 3 || result(x_shape_, inputs[1].shape, "dy,w", inputs) != inputs[0].shape)
    throw_shape_error(*this, "dy is not what the convolution of x makes", "dy,w", inputs,
                      "dy of conv2d(x=" + x_shape_.str(true) + ", w)");
  return {{.shape = x_shape_, .dtype = DType::f32, .scope = Scope::sample}};
}

void Conv2dGradInputOp::gradient(GradientContext& context) const {
  const Var dy = context.input(0), w = context.input(1), g = context.dy();
  if (context.needs(0)) context.set(0, conv2d(g, w, options_));
  if (context.needs(1)) context.set(1, conv2d_grad_weight(g, dy, kernel_of(w.shape()), options_));
}

double Conv2dGradInputOp::flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const {
  return conv_flops(inputs[1].shape, inputs[0].shape);
}

std::vector<ValueSpec> Conv2dGradWeightOp::infer(std::span<const ValueSpec> inputs) const {
  check_input(0, Scope::sample, 3, "x,dy", inputs);
  check_input(1, Scope::sample, 3, "x,dy", inputs);
  check_options("x,dy", inputs);
  const Shape &x = inputs[0].shape, &dy = inputs[1].shape;
  if (x[0] % options_.groups != 0 || !kernel_.at_least(1))
    throw_shape_error(*this, "channels do not divide into groups, or the kernel is empty", "x,dy", inputs,
                      "x.C % groups == 0 and kernel >= 1 with kernel=" + kernel_.str() + " " + options_.str());
  const Shape w{dy[0], x[0] / options_.groups, kernel_.h, kernel_.w};
  if (result(x, w, "x,dy", inputs) != dy)
    throw_shape_error(*this, "dy is not what the convolution of x makes", "x,dy", inputs,
                      "dy of conv2d(x, w=" + w.str() + ")");
  return {{.shape = w, .dtype = DType::f32, .scope = Scope::batch}};
}

void Conv2dGradWeightOp::gradient(GradientContext& context) const {
  const Var x = context.input(0), dy = context.input(1), g = context.dy();
  if (context.needs(0)) context.set(0, conv2d_grad_input(dy, g, x.shape(), options_));
  if (context.needs(1)) context.set(1, conv2d(x, g, options_));
}

double Conv2dGradWeightOp::flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const {
  return conv_flops(outputs[0].shape, inputs[1].shape);
}

Var conv2d(Var x, Var w, const Conv2dOptions& options) {
  return x.graph().add1(std::make_shared<Conv2dOp>(options, false), {x, w});
}

Var conv2d(Var x, Var w, Var b, const Conv2dOptions& options) {
  return x.graph().add1(std::make_shared<Conv2dOp>(options, true), {x, w, b});
}

Var conv2d_grad_input(Var dy, Var w, const Shape& x_shape, const Conv2dOptions& options) {
  return dy.graph().add1(std::make_shared<Conv2dGradInputOp>(options, x_shape), {dy, w});
}

Var conv2d_grad_weight(Var x, Var dy, Size2d kernel, const Conv2dOptions& options) {
  return x.graph().add1(std::make_shared<Conv2dGradWeightOp>(options, kernel), {x, dy});
}

}  // namespace sluice
