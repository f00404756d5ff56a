#include <sluice/kernels/max_pool2d/max_pool2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>

namespace sluice {

std::string MaxPool2dOptions::str() const {
  return "kernel=" + kernel.str() + " stride=" + stride.str() + " padding=" + padding.str();
}

MaxPool2dOpBase::MaxPool2dOpBase(const MaxPool2dOptions& options) : options_(options) {
  if (options_.stride == Size2d(0)) options_.stride = options_.kernel;
}

Shape MaxPool2dOpBase::result(const Shape& x) const {
  return {x[0], window_positions(x[1], options_.kernel.h, options_.stride.h, options_.padding.h),
          window_positions(x[2], options_.kernel.w, options_.stride.w, options_.padding.w)};
}

std::vector<ValueSpec> MaxPool2dOp::infer(std::span<const ValueSpec> inputs) const {
  const MaxPool2dOptions& o = options_;
  if (inputs[0].dtype != DType::f32 || !inputs[0].is_sample() || inputs[0].shape.rank() != 3)
    throw_shape_error(*this, "x has the wrong dtype, scope or rank", "x", inputs, "an f32 sample value [N,C,H,W]");
  if (!o.kernel.at_least(1) || !o.stride.at_least(1) || !o.padding.at_least(0) || 2 * o.padding.h > o.kernel.h ||
      2 * o.padding.w > o.kernel.w)
    throw_shape_error(*this, "options out of range: " + o.str(), "x", inputs,
                      "kernel >= 1, stride >= 1 and 0 <= padding <= kernel / 2");
  const Shape& x = inputs[0].shape;
  if (x[1] + 2 * o.padding.h < o.kernel.h || x[2] + 2 * o.padding.w < o.kernel.w)
    throw_shape_error(*this, "the window is larger than the padded input", "x", inputs,
                      "kernel <= extent + 2 * padding with " + o.str());
  const Shape y = result(x);
  return {{.shape = y, .dtype = DType::f32, .scope = Scope::sample},
          {.shape = y, .dtype = index_dtype(), .scope = Scope::sample}};
}

void MaxPool2dOp::gradient(GradientContext& context) const {
  context.set(0, context.graph().add1(std::make_shared<MaxPool2dGradOp>(options_, context.input(0).shape()),
                                      {context.dy(), context.output(1)}));
}

std::vector<ValueSpec> MaxPool2dGradOp::infer(std::span<const ValueSpec> inputs) const {
  const Shape y = result(x_shape_);
  if (inputs[0].dtype != DType::f32 || !inputs[0].is_sample() || inputs[0].shape != y ||
      inputs[1].dtype != index_dtype() || !inputs[1].is_sample() || inputs[1].shape != y)
    throw_shape_error(*this, "dy or the indices are not what pooling x makes", "dy,indices", inputs,
                      "results of max_pool2d(x=" + x_shape_.str(true) + ")");
  return {{.shape = x_shape_, .dtype = DType::f32, .scope = Scope::sample}};
}

Var max_pool2d(Var x, const MaxPool2dOptions& options) {
  return x.graph().add(std::make_shared<MaxPool2dOp>(options), std::span<const Var>(&x, 1))[0];
}

}  // namespace sluice
