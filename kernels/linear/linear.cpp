#include <sluice/kernels/linear/linear.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

/// What the three directions share.
class LinearBase : public Op {
 public:
  bool linear_in(int) const override { return true; }
  bool cheap() const override { return false; }

 protected:
  static double product_flops(const Shape& w) { return 2.0 * static_cast<double>(w.elements()); }
};

class Linear final : public LinearBase {
 public:
  explicit Linear(bool has_bias) : has_bias_(has_bias) {}
  std::string_view type() const override { return "linear"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const std::string_view names = has_bias_ ? "x,w,b" : "x,w";
    const bool map = inputs[0].shape.rank() > 1;
    check_input(*this, 0, Scope::sample, 1, names, inputs,
                std::string("x: an f32 sample value [N,F]") + (map ? ", as Flatten() makes one of a map" : ""));
    check_input(*this, 1, Scope::batch, 2, names, inputs, "w: an f32 batch value [O,F]");
    if (has_bias_) check_input(*this, 2, Scope::batch, 1, names, inputs, "b: an f32 batch value [O]");
    const Shape &x = inputs[0].shape, &w = inputs[1].shape;
    if (x[0] != w[1]) throw_shape_error(*this, "features differ", names, inputs, "x.F == w.F");
    if (has_bias_ && inputs[2].shape[0] != w[0])
      throw_shape_error(*this, "the bias does not fit the output features", names, inputs, "b.O == w.O");
    return {{.shape = {w[0]}, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    const Var x = context.input(0), w = context.input(1), dy = context.dy();
    if (context.needs(0)) context.set(0, linear_grad_input(dy, w));
    if (context.needs(1)) context.set(1, linear_grad_weight(x, dy));
    if (has_bias_ && context.needs(2)) context.set(2, bias_grad(dy));
  }

  bool reads_batch(int input) const override { return input > 0; }
  // With a bias y is affine in each input, not linear.
  bool linear_in(int) const override { return !has_bias_; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return product_flops(inputs[1].shape);
  }

 private:
  bool has_bias_;
};

class LinearGradInput final : public LinearBase {
 public:
  std::string_view type() const override { return "linear_grad_input"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check_input(*this, 0, Scope::sample, 1, "dy,w", inputs, "dy: an f32 sample value [N,O]");
    check_input(*this, 1, Scope::batch, 2, "dy,w", inputs, "w: an f32 batch value [O,F]");
    if (inputs[0].shape[0] != inputs[1].shape[0])
      throw_shape_error(*this, "features differ", "dy,w", inputs, "dy.O == w.O");
    return {{.shape = {inputs[1].shape[1]}, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    const Var dy = context.input(0), w = context.input(1), g = context.dy();
    if (context.needs(0)) context.set(0, linear(g, w));
    if (context.needs(1)) context.set(1, linear_grad_weight(g, dy));
  }

  bool reads_batch(int input) const override { return input == 1; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return product_flops(inputs[1].shape);
  }
};

class LinearGradWeight final : public LinearBase {
 public:
  std::string_view type() const override { return "linear_grad_weight"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check_input(*this, 0, Scope::sample, 1, "x,dy", inputs, "x: an f32 sample value [N,F]");
    check_input(*this, 1, Scope::sample, 1, "x,dy", inputs, "dy: an f32 sample value [N,O]");
    return {{.shape = {inputs[1].shape[0], inputs[0].shape[0]}, .dtype = DType::f32, .scope = Scope::batch}};
  }

  void gradient(GradientContext& context) const override {
    const Var x = context.input(0), dy = context.input(1), g = context.dy();
    if (context.needs(0)) context.set(0, linear_grad_input(dy, g));
    if (context.needs(1)) context.set(1, linear(x, g));
  }

  double flops(std::span<const ValueSpec>, std::span<const ValueSpec> outputs) const override {
    return product_flops(outputs[0].shape);
  }
};

}  // namespace

Var linear(Var x, Var w) { return x.graph().add1(std::make_shared<Linear>(false), {x, w}); }

Var linear(Var x, Var w, Var b) { return x.graph().add1(std::make_shared<Linear>(true), {x, w, b}); }

Var linear_grad_input(Var dy, Var w) { return dy.graph().add1(std::make_shared<LinearGradInput>(), {dy, w}); }

Var linear_grad_weight(Var x, Var dy) { return x.graph().add1(std::make_shared<LinearGradWeight>(), {x, dy}); }

}  // namespace sluice
