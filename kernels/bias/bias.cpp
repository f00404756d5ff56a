#include <sluice/kernels/bias/bias.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class Bias final : public Op {
 public:
  std::string_view type() const override { return "bias"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec &x = inputs[0], &b = inputs[1];
    if (!x.is_sample() || b.is_sample())
      throw_shape_error(*this, "scopes differ from the rule", "x,b", inputs, "a sample value x and a batch value b");
    if (x.is_scalar() || b.shape != Shape{x.shape[0]})
      throw_shape_error(*this, "b is not one number per channel", "x,b", inputs, "b = [x.C]");
    if (!is_floating(x.dtype) || x.dtype != b.dtype)
      throw_shape_error(*this, "dtypes differ or are not floating", "x,b", inputs, "one floating dtype");
    return {x};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, context.dy());
    if (context.needs(1)) context.set(1, bias_grad(context.dy()));
  }

  bool reads_batch(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class BiasGrad final : public Op {
 public:
  std::string_view type() const override { return "bias_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& dy = inputs[0];
    if (!dy.is_sample() || dy.is_scalar() || !is_floating(dy.dtype))
      throw_shape_error(*this, "dy has no channels to sum over", "dy", inputs, "a floating sample value [N,C,...]");
    return {{{dy.shape[0]}, dy.dtype, Scope::batch}};
  }

  bool linear_in(int) const override { return true; }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements());
  }
};

}  // namespace

Var bias(Var x, Var b) { return x.graph().add1(std::make_shared<Bias>(), {x, b}); }

Var bias_grad(Var dy) { return dy.graph().add1(std::make_shared<BiasGrad>(), {dy}); }

}  // namespace sluice
