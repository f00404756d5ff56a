#include <sluice/kernels/gelu/gelu.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class Gelu final : public Op {
 public:
  std::string_view type() const override { return "gelu"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override { context.set(0, gelu_grad(context.input(0), context.dy())); }

  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class GeluGrad final : public Op {
 public:
  std::string_view type() const override { return "gelu_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype))
      throw_shape_error(*this, "x is not floating", "x,dy", inputs, "a floating dtype");
    if (inputs[0].shape != inputs[1].shape || inputs[0].dtype != inputs[1].dtype)
      throw_shape_error(*this, "operands differ", "x,dy", inputs, "equal shape and dtype");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    if (context.needs(0)) Op::gradient(context);  // throws: no second derivative
    context.set(1, gelu_grad(context.input(0), context.dy()));
  }

  bool linear_in(int input) const override { return input == 1; }
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {1, 0}; }
};

}  // namespace

Var gelu(Var x) { return x.graph().add1(std::make_shared<Gelu>(), {x}); }

Var gelu_grad(Var x, Var dy) { return x.graph().add1(std::make_shared<GeluGrad>(), {x, dy}); }

}  // namespace sluice
