#include <sluice/kernels/flatten/flatten.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class Reshape final : public Op {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}

  std::string_view type() const override { return "reshape"; }
  std::string options() const override { return shape_.str(); }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& x = inputs[0];
    if (x.shape.elements() != shape_.elements())
      throw_shape_error(*this, "numbers of elements differ", "x", inputs,
                        "as many elements as " + shape_.str(x.is_sample()));
    return {{shape_, x.dtype, x.scope}};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, reshape(context.dy(), context.input(0).shape()));
  }

  bool batch_capable() const override { return true; }
  bool is_view() const override { return true; }
  bool linear_in(int) const override { return true; }
  double flops(std::span<const ValueSpec>, std::span<const ValueSpec>) const override { return 0; }

 private:
  Shape shape_;
};

}  // namespace

Var reshape(Var x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return x.graph().add1(std::make_shared<Reshape>(shape), {x});
}

Var flatten(Var x) { return reshape(x, {x.shape().elements()}); }

}  // namespace sluice
