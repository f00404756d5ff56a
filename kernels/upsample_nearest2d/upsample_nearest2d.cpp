#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

bool is_map(const ValueSpec& x) { return x.dtype == DType::f32 && x.is_sample() && x.shape.rank() == 3; }

class UpsampleNearest2d final : public UpsampleNearest2dOpBase {
 public:
  using UpsampleNearest2dOpBase::UpsampleNearest2dOpBase;
  std::string_view type() const override { return "upsample_nearest2d"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& x = inputs[0];
    check_input(*this, 0, Scope::sample, 3, "x", inputs, "an f32 sample value [N,C,H,W]");
    if (!factor().at_least(1))
      throw_shape_error(*this, "factor out of range: " + factor().str(), "x", inputs, "factor >= 1");
    return {{.shape = {x.shape[0], x.shape[1] * factor().h, x.shape[2] * factor().w},
             .dtype = DType::f32,
             .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, upsample_nearest2d_grad(context.dy(), factor()));
  }
};

class UpsampleNearest2dGrad final : public UpsampleNearest2dOpBase {
 public:
  using UpsampleNearest2dOpBase::UpsampleNearest2dOpBase;
  std::string_view type() const override { return "upsample_nearest2d_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& dy = inputs[0];
    if (!is_map(dy) || !factor().at_least(1) || dy.shape[1] % factor().h != 0 || dy.shape[2] % factor().w != 0)
      throw_shape_error(*this, "dy is not what upsampling x makes", "dy", inputs,
                        "an f32 sample value like the result of upsample_nearest2d; " + options());
    return {{.shape = {dy.shape[0], dy.shape[1] / factor().h, dy.shape[2] / factor().w},
             .dtype = DType::f32,
             .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override { context.set(0, upsample_nearest2d(context.dy(), factor())); }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements());
  }
};

}  // namespace

Var upsample_nearest2d(Var x, Size2d factor) {
  if (factor == Size2d(1)) return x;
  return x.graph().add1(std::make_shared<UpsampleNearest2d>(factor), {x});
}

Var upsample_nearest2d_grad(Var dy, Size2d factor) {
  if (factor == Size2d(1)) return dy;
  return dy.graph().add1(std::make_shared<UpsampleNearest2dGrad>(factor), {dy});
}

}  // namespace sluice
