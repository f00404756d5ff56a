#include <sluice/kernels/pad2d/pad2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

class Pad2d final : public Pad2dOpBase {
 public:
  using Pad2dOpBase::Pad2dOpBase;
  std::string_view type() const override { return "pad2d"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check(inputs);
    const Shape& x = inputs[0].shape;
    const Edges2d& e = edges();
    return {{.shape = {x[0], x[1] + e.top + e.bottom, x[2] + e.left + e.right},
             .dtype = DType::f32,
             .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override { context.set(0, crop2d(context.dy(), edges())); }
};

class Crop2d final : public Pad2dOpBase {
 public:
  using Pad2dOpBase::Pad2dOpBase;
  std::string_view type() const override { return "crop2d"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check(inputs);
    const Shape& x = inputs[0].shape;
    const std::int64_t h = x[1] - edges().top - edges().bottom, w = x[2] - edges().left - edges().right;
    if (h < 1 || w < 1)
      throw_shape_error(*this, "nothing is left of x", "x", inputs,
                        "top + bottom < H and left + right < W with " + options());
    return {{.shape = {x[0], h, w}, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override { context.set(0, pad2d(context.dy(), edges())); }
};

}  // namespace

std::string Edges2d::str() const {
  return "top=" + std::to_string(top) + " left=" + std::to_string(left) + " bottom=" + std::to_string(bottom) +
         " right=" + std::to_string(right);
}

void Pad2dOpBase::check(std::span<const ValueSpec> inputs) const {
  check_input(*this, 0, Scope::sample, 3, "x", inputs, "an f32 sample value [N,C,H,W]");
  if (!edges_.at_least(0)) throw_shape_error(*this, "edges out of range: " + edges_.str(), "x", inputs, "edges >= 0");
}

Var pad2d(Var x, const Edges2d& edges) {
  if (edges == Edges2d()) return x;
  return x.graph().add1(std::make_shared<Pad2d>(edges), {x});
}

Var crop2d(Var x, const Edges2d& edges) {
  if (edges == Edges2d()) return x;
  return x.graph().add1(std::make_shared<Crop2d>(edges), {x});
}

}  // namespace sluice
