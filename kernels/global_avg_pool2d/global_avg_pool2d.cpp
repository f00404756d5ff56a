#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

class GlobalAvgPool2d final : public Op {
 public:
  std::string_view type() const override { return "global_avg_pool2d"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& x = inputs[0];
    check_input(*this, 0, Scope::sample, 3, "x", inputs, "an f32 sample value [N,C,H,W]");
    return {{.shape = {x.shape[0]}, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    const Shape& x = context.input(0).shape();
    context.set(0, global_avg_pool2d_grad(context.dy(), x[1], x[2]));
  }

  bool linear_in(int) const override { return true; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements());
  }
};

class GlobalAvgPool2dGrad final : public Op {
 public:
  GlobalAvgPool2dGrad(std::int64_t height, std::int64_t width) : height_(height), width_(width) {}
  std::string_view type() const override { return "global_avg_pool2d_grad"; }
  std::string options() const override { return "x=" + std::to_string(height_) + "x" + std::to_string(width_); }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& dy = inputs[0];
    check_input(*this, 0, Scope::sample, 1, "dy", inputs, "an f32 sample value [N,C]");
    if (height_ < 1 || width_ < 1)
      throw_shape_error(*this, "there is no plane to spread dy over", "dy", inputs, "height, width >= 1; " + options());
    return {{.shape = {dy.shape[0], height_, width_}, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override { context.set(0, global_avg_pool2d(context.dy())); }
  bool linear_in(int) const override { return true; }

 private:
  std::int64_t height_, width_;
};

}  // namespace

Var global_avg_pool2d(Var x) { return x.graph().add1(std::make_shared<GlobalAvgPool2d>(), {x}); }

Var global_avg_pool2d_grad(Var dy, std::int64_t height, std::int64_t width) {
  return dy.graph().add1(std::make_shared<GlobalAvgPool2dGrad>(height, width), {dy});
}

}  // namespace sluice
