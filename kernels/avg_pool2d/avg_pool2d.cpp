#include <sluice/kernels/avg_pool2d/avg_pool2d.h>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

class AvgPool2d final : public AvgPool2dOpBase {
 public:
  using AvgPool2dOpBase::AvgPool2dOpBase;
  std::string_view type() const override { return "avg_pool2d"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check_pool(*this, pool().window(), inputs);
    return {{.shape = pool().window().result(inputs[0].shape), .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    const Shape& x = context.input(0).shape();
    context.set(0, avg_pool2d_grad(context.dy(), x[1], x[2], pool()));
  }

  double flops(std::span<const ValueSpec>, std::span<const ValueSpec> outputs) const override {
    return static_cast<double>(outputs[0].shape.elements() * pool().kernel.h * pool().kernel.w);
  }
};

class AvgPool2dGrad final : public AvgPool2dOpBase {
 public:
  AvgPool2dGrad(std::int64_t height, std::int64_t width, const AvgPool2dOptions& options)
      : AvgPool2dOpBase(options),
        height_(height),
        width_(width) {}
  std::string_view type() const override { return "avg_pool2d_grad"; }
  std::string options() const override { return pool().str() + " x=" + Size2d(height_, width_).str(); }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& dy = inputs[0];
    const PoolWindow window = pool().window();
    const bool is_map = dy.dtype == DType::f32 && dy.is_sample() && dy.shape.rank() == 3;
    const Shape x{is_map ? dy.shape[0] : 1, height_, width_};
    if (!is_map || !window.in_range() || dy.shape != window.result(x))
      throw_shape_error(*this, "dy is not what pooling x makes", "dy", inputs,
                        "an f32 sample value like the result of avg_pool2d; " + options());
    return {{.shape = x, .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override { context.set(0, avg_pool2d(context.dy(), pool())); }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return static_cast<double>(inputs[0].shape.elements() * pool().kernel.h * pool().kernel.w);
  }

 private:
  std::int64_t height_, width_;
};

}  // namespace

std::string AvgPool2dOptions::str() const {
  return window().str() + (count_include_pad || padding == Size2d(0) ? "" : " count_include_pad=false");
}

Var avg_pool2d(Var x, const AvgPool2dOptions& options) {
  return x.graph().add1(std::make_shared<AvgPool2d>(options), {x});
}

Var avg_pool2d_grad(Var dy, std::int64_t height, std::int64_t width, const AvgPool2dOptions& options) {
  return dy.graph().add1(std::make_shared<AvgPool2dGrad>(height, width, options), {dy});
}

}  // namespace sluice
