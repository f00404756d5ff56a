#include <sluice/kernels/arithmetic/arithmetic.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/text.h>
#include <sluice/kernels/reduce/reduce.h>

namespace sluice {
namespace {

/// Two operands of equal shapes, or one of them a batch scalar.
class BinaryOp : public Op {
 public:
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec &a = inputs[0], &b = inputs[1];
    if (!is_floating(a.dtype) || a.dtype != b.dtype)
      throw_shape_error(*this, "dtypes differ or are not floating", "a,b", inputs, "one floating dtype");
    const Scope scope = a.is_sample() || b.is_sample() ? Scope::sample : Scope::batch;
    const auto fits_all = [](const ValueSpec& v) { return v.is_scalar() && !v.is_sample(); };
    if (a.shape != b.shape && !fits_all(a) && !fits_all(b))
      throw_shape_error(*this, "shapes differ", "a,b", inputs, "equal shapes, or a batch scalar");
    return {{fits_all(a) ? b.shape : a.shape, a.dtype, scope}};
  }

  bool batch_capable() const override { return true; }
  bool reads_batch(int) const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }

 protected:
  /// `d`, of the result's shape, as the gradient by input `i`: summed where a scalar served all elements. (That a batch
  /// value served all samples is differentiate's to sum.)
  static void set(GradientContext& context, int i, Var d) {
    context.set(i, context.input(i).shape() == d.shape() ? d : sum_per_sample(d));
  }
};

class Mul final : public BinaryOp {
 public:
  std::string_view type() const override { return "mul"; }
  bool linear_in(int) const override { return true; }
  void gradient(GradientContext& context) const override {
    if (context.needs(0)) set(context, 0, mul(context.dy(), context.input(1)));
    if (context.needs(1)) set(context, 1, mul(context.dy(), context.input(0)));
  }
};

class Div final : public BinaryOp {
 public:
  std::string_view type() const override { return "div"; }
  int divisor() const override { return 1; }
  bool linear_in(int input) const override { return input == 0; }
  void gradient(GradientContext& context) const override {
    const Var da = div(context.dy(), context.input(1));
    if (context.needs(0)) set(context, 0, da);
    if (context.needs(1)) set(context, 1, scale(mul(da, context.output(0)), -1));
  }
};

class Sub final : public BinaryOp {
 public:
  std::string_view type() const override { return "sub"; }
  void gradient(GradientContext& context) const override {
    if (context.needs(0)) set(context, 0, context.dy());
    if (context.needs(1)) set(context, 1, scale(context.dy(), -1));
  }
};

}  // namespace

std::string ScaleOp::options() const {
  TextStream text;
  text << "factor=" << std::hexfloat << factor_;
  return text.str();
}

std::vector<ValueSpec> ScaleOp::infer(std::span<const ValueSpec> inputs) const {
  if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
  return {inputs[0]};
}

void ScaleOp::gradient(GradientContext& context) const { context.set(0, scale(context.dy(), factor_)); }

Var mul(Var a, Var b) {
  // The operand that decides the result's shape comes first: it is the one that may be overwritten.
  if ((!a.is_sample() && b.is_sample()) || (a.scope() == b.scope() && a.spec().is_scalar())) std::swap(a, b);
  return a.graph().add1(std::make_shared<Mul>(), {a, b});
}

Var div(Var a, Var b) { return a.graph().add1(std::make_shared<Div>(), {a, b}); }

Var sub(Var a, Var b) { return a.graph().add1(std::make_shared<Sub>(), {a, b}); }

Var scale(Var x, double factor) { return x.graph().add1(std::make_shared<ScaleOp>(factor), {x}); }

}  // namespace sluice
