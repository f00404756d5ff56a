#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

/// From a map to one of `size`: means of windows, or the transpose of that.
class AdaptiveOp : public Op {
 public:
  explicit AdaptiveOp(Size2d size) : size_(size) {}
  std::string options() const override { return "size=" + size_.str(); }
  bool linear_in(int) const override { return true; }

 protected:
  std::vector<ValueSpec> resized(std::string_view name, std::span<const ValueSpec> inputs) const {
    const ValueSpec& x = inputs[0];
    check_input(*this, 0, Scope::sample, 3, name, inputs, "an f32 sample value [N,C,H,W]");
    if (!size_.at_least(1))
      throw_shape_error(*this, "size out of range: " + size_.str(), name, inputs, "a size of at least 1x1");
    return {{.shape = {x.shape[0], size_.h, size_.w}, .dtype = DType::f32, .scope = Scope::sample}};
  }

 private:
  Size2d size_;
};

Size2d extent_of(Var map) { return {map.shape()[1], map.shape()[2]}; }

class AdaptiveAvgPool2d final : public AdaptiveOp {
 public:
  using AdaptiveOp::AdaptiveOp;
  std::string_view type() const override { return "adaptive_avg_pool2d"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override { return resized("x", inputs); }
  void gradient(GradientContext& context) const override {
    context.set(0, adaptive_avg_pool2d_grad(context.dy(), extent_of(context.input(0))));
  }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements());
  }
};

class AdaptiveAvgPool2dGrad final : public AdaptiveOp {
 public:
  using AdaptiveOp::AdaptiveOp;
  std::string_view type() const override { return "adaptive_avg_pool2d_grad"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override { return resized("dy", inputs); }
  void gradient(GradientContext& context) const override {
    const Var g = context.dy();
    const Size2d size = extent_of(context.input(0));
    context.set(0, g.graph().add1(std::make_shared<AdaptiveAvgPool2d>(size), {g}));
  }
};

}  // namespace

Var adaptive_avg_pool2d(Var x, Size2d size) {
  if (x.shape().rank() == 3 && size.at_least(1)) {
    const Size2d extent = extent_of(x);
    if (extent == size) return x;
    if (size == Size2d(1)) return reshape(global_avg_pool2d(x), {x.shape()[0], 1, 1});
    if (extent.h % size.h == 0 && extent.w % size.w == 0)
      return avg_pool2d(x, {.kernel = {extent.h / size.h, extent.w / size.w}});
  }
  return x.graph().add1(std::make_shared<AdaptiveAvgPool2d>(size), {x});
}

Var adaptive_avg_pool2d_grad(Var dy, Size2d extent) {
  return dy.graph().add1(std::make_shared<AdaptiveAvgPool2dGrad>(extent), {dy});
}

}  // namespace sluice
