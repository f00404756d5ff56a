#include <sluice/kernels/softmax/softmax.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

bool has_channels(const ValueSpec& x) { return x.is_sample() && !x.is_scalar() && is_floating(x.dtype); }

double elements(const ValueSpec& x) { return static_cast<double>(x.shape.elements()); }

class Softmax final : public Op {
 public:
  std::string_view type() const override { return "softmax"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!has_channels(inputs[0]))
      throw_shape_error(*this, "x has no channels", "x", inputs, "a floating sample value [N,C,...]");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, softmax_grad(context.output(0), context.dy()));
  }

  std::vector<int> in_place_inputs() const override { return {0}; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return 4 * elements(inputs[0]);
  }
};

class SoftmaxGrad final : public Op {
 public:
  std::string_view type() const override { return "softmax_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!has_channels(inputs[0]) || inputs[0] != inputs[1])
      throw_shape_error(*this, "operands differ or have no channels", "y,dy", inputs,
                        "equal floating sample values [N,C,...]");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    if (context.needs(0)) Op::gradient(context);                   // throws: no second derivative
    context.set(1, softmax_grad(context.input(0), context.dy()));  // softmax's Jacobian is symmetric
  }

  bool linear_in(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {1, 0}; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return 4 * elements(inputs[0]);
  }
};

}  // namespace

Var softmax(Var x) { return x.graph().add1(std::make_shared<Softmax>(), {x}); }

Var softmax_grad(Var y, Var dy) { return y.graph().add1(std::make_shared<SoftmaxGrad>(), {y, dy}); }

}  // namespace sluice
