#include <sluice/kernels/reduce/reduce.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class SumPerSample final : public Op {
 public:
  std::string_view type() const override { return "sum_per_sample"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {{{}, inputs[0].dtype, inputs[0].scope}};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, expand_per_sample(context.dy(), context.input(0).shape()));
  }

  bool batch_capable() const override { return true; }
  bool linear_in(int) const override { return true; }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements());
  }
};

class ExpandPerSample final : public Op {
 public:
  explicit ExpandPerSample(const Shape& shape) : shape_(shape) {}

  std::string_view type() const override { return "expand_per_sample"; }
  std::string options() const override { return shape_.str(); }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!inputs[0].is_scalar() || !is_floating(inputs[0].dtype))
      throw_shape_error(*this, "s is not one number per sample", "s", inputs, "s = [N], or a batch scalar, floating");
    return {{shape_, inputs[0].dtype, inputs[0].scope}};
  }

  void gradient(GradientContext& context) const override { context.set(0, sum_per_sample(context.dy())); }

  bool batch_capable() const override { return true; }
  bool linear_in(int) const override { return true; }

 private:
  Shape shape_;
};

}  // namespace

Var sum_per_sample(Var x) {
  if (x.spec().is_scalar()) return x;
  return x.graph().add1(std::make_shared<SumPerSample>(), {x});
}

Var expand_per_sample(Var s, const Shape& shape) {
  if (s.shape() == shape) return s;
  return s.graph().add1(std::make_shared<ExpandPerSample>(shape), {s});
}

}  // namespace sluice
