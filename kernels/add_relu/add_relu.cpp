#include <sluice/kernels/add_relu/add_relu.h>

#include <utility>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/relu/relu.h>

namespace sluice {
namespace {

class AddRelu final : public Op {
 public:
  std::string_view type() const override { return "add_relu"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec &a = inputs[0], &b = inputs[1];
    if (a.shape != b.shape || a.dtype != b.dtype || !is_floating(a.dtype))
      throw_shape_error(*this, "operands differ or are not floating", "a,b", inputs, "equal shapes and floating dtype");
    const ValueSpec y{a.shape, a.dtype, a.is_sample() || b.is_sample() ? Scope::sample : Scope::batch};
    return {y, relu_mask(y)};
  }

  void gradient(GradientContext& context) const override {
    const Var passed = relu_grad(context.output(1), context.dy());
    context.set(0, passed);
    context.set(1, passed);
  }

  bool batch_capable() const override { return true; }
  bool reads_batch(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }
};

}  // namespace

Var add_relu(Var a, Var b) {
  if (!a.is_sample() && b.is_sample()) std::swap(a, b);  // a batch operand is read directly on the right only
  return a.graph().add1(std::make_shared<AddRelu>(), {a, b});
}

}  // namespace sluice
