#include <sluice/kernels/leaky_relu/leaky_relu.h>

#include <limits>

#include <sluice/core/differentiate.h>
#include <sluice/core/text.h>
#include <sluice/kernels/relu/relu.h>

namespace sluice {
namespace {

class LeakyRelu final : public LeakyReluOpBase {
 public:
  using LeakyReluOpBase::LeakyReluOpBase;
  std::string_view type() const override { return "leaky_relu"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) {
      throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    }
    check_slope(inputs, "x");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, leaky_relu_grad(context.output(0), context.dy(), slope()));
  }

  std::vector<int> in_place_inputs() const override { return {0}; }
};

class LeakyReluGrad final : public LeakyReluOpBase {
 public:
  using LeakyReluOpBase::LeakyReluOpBase;
  std::string_view type() const override { return "leaky_relu_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (inputs[0].shape != inputs[1].shape || inputs[0].dtype != inputs[1].dtype)
      throw_shape_error(*this, "operands differ", "y,dy", inputs, "equal shape and dtype");
    check_slope(inputs, "y,dy");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    context.set(1, leaky_relu_grad(context.input(0), context.dy(), slope()));
  }

  bool differentiable(int input) const override { return input == 1; }
  bool linear_in(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {1, 0}; }
};

}  // namespace

std::string LeakyReluOpBase::options() const {
  TextStream text;
  text << std::hexfloat << "slope=" << slope_;
  return text.str();
}

void LeakyReluOpBase::check_slope(std::span<const ValueSpec> inputs, std::string_view names) const {
  if (!(slope_ >= 0 && slope_ <= std::numeric_limits<float>::max()))
    throw_shape_error(*this, "slope out of range: " + number_text(slope_), names, inputs, "0 <= slope <= 3.4e38");
}

// relu chooses where this multiplies: nothing infinite becomes NaN behind a closed unit.
Var leaky_relu(Var x, double slope) {
  return slope == 0 ? relu(x) : x.graph().add1(std::make_shared<LeakyRelu>(slope), {x});
}

Var leaky_relu_grad(Var y, Var dy, double slope) {
  return y.graph().add1(std::make_shared<LeakyReluGrad>(slope), {y, dy});
}

}  // namespace sluice
