#include <sluice/kernels/max_pool2d/max_pool2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>

namespace sluice {

std::vector<ValueSpec> MaxPool2dOp::infer(std::span<const ValueSpec> inputs) const {
  check_pool(*this, options_, inputs);
  const Shape y = options_.result(inputs[0].shape);
  return {{.shape = y, .dtype = DType::f32, .scope = Scope::sample},
          {.shape = y, .dtype = index_dtype(), .scope = Scope::sample}};
}

void MaxPool2dOp::gradient(GradientContext& context) const {
  context.set(0, context.graph().add1(std::make_shared<MaxPool2dGradOp>(options_, context.input(0).shape()),
                                      {context.dy(), context.output(1)}));
}

std::vector<ValueSpec> MaxPool2dGradOp::infer(std::span<const ValueSpec> inputs) const {
  const Shape y = options_.result(x_shape_);
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
