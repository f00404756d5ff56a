#include <sluice/kernels/relu/relu.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class Relu final : public Op {
 public:
  std::string_view type() const override { return "relu"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {inputs[0], relu_mask(inputs[0])};
  }

  void gradient(GradientContext& context) const override { context.set(0, relu_grad(context.output(1), context.dy())); }

  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class ReluGrad final : public Op {
 public:
  std::string_view type() const override { return "relu_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (inputs[0] != relu_mask(inputs[1]) || !is_floating(inputs[1].dtype))
      throw_shape_error(*this, "the mask does not fit dy", "mask,dy", inputs, "bit and a floating dtype, equal shapes");
    return {inputs[1]};
  }

  void gradient(GradientContext& context) const override { context.set(1, relu_grad(context.input(0), context.dy())); }

  bool differentiable(int input) const override { return input == 1; }
  bool linear_in(int input) const override { return input == 1; }
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {1}; }
};

}  // namespace

Var relu(Var x) { return x.graph().add1(std::make_shared<Relu>(), {x}); }

Var relu_grad(Var mask, Var dy) { return dy.graph().add1(std::make_shared<ReluGrad>(), {mask, dy}); }

ValueSpec relu_mask(const ValueSpec& y) { return {.shape = y.shape, .dtype = DType::bit, .scope = y.scope}; }

}  // namespace sluice
