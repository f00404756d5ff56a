#include <sluice/kernels/sigmoid/sigmoid.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/arithmetic/arithmetic.h>

namespace sluice {
namespace {

class Sigmoid final : public Op {
 public:
  std::string_view type() const override { return "sigmoid"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, sigmoid_grad(context.output(0), context.dy()));
  }

  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class SigmoidGrad final : public Op {
 public:
  std::string_view type() const override { return "sigmoid_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (inputs[0].shape != inputs[1].shape || inputs[0].dtype != inputs[1].dtype)
      throw_shape_error(*this, "operands differ", "y,dy", inputs, "equal shape and dtype");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    const Var y = context.input(0), dy = context.input(1);
    if (context.needs(0)) {  // d(y − y²) = 1 − 2y
      const Var slope = sub(context.graph().constant(1, {}, y.dtype()), scale(y, 2));
      context.set(0, mul(mul(context.dy(), dy), slope));
    }
    if (context.needs(1)) context.set(1, sigmoid_grad(y, context.dy()));
  }

  bool linear_in(int input) const override { return input == 1; }
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {1, 0}; }
};

}  // namespace

Var sigmoid(Var x) { return x.graph().add1(std::make_shared<Sigmoid>(), {x}); }

Var sigmoid_grad(Var y, Var dy) { return y.graph().add1(std::make_shared<SigmoidGrad>(), {y, dy}); }

}  // namespace sluice
