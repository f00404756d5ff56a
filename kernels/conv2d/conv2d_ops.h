#pragma once

#include <sluice/core/op.h>
#include <sluice/kernels/conv2d/conv2d_options.h>

namespace sluice {

/// What the three directions share. x, w and y always mean forward's input, weights and result.
class Conv2dOpBase : public Op {
 public:
  explicit Conv2dOpBase(const Conv2dOptions& options) : options_(options) {}

  const Conv2dOptions& conv() const { return options_; }
  std::string options() const override { return options_.str(); }
  bool linear_in(int) const override { return true; }
  bool cheap() const override { return false; }

 protected:
  /// Throws for a stride, padding, dilation or number of groups that makes no sense.
  void check_options(std::string_view names, std::span<const ValueSpec> inputs) const;
  /// y's sample shape [O,H',W'] for x: [C,H,W] and w: [O,C/groups,kh,kw]; throws when they do not agree.
  Shape result(const Shape& x, const Shape& w, std::string_view names, std::span<const ValueSpec> inputs) const;
  /// Throws unless input `i` is f32, of this scope and rank.
  void check_input(int i, Scope scope, int rank, std::string_view names, std::span<const ValueSpec> inputs) const;

  Conv2dOptions options_;
};

/// x, w[, b] → y.
class Conv2dOp final : public Conv2dOpBase {
 public:
  Conv2dOp(const Conv2dOptions& options, bool has_bias) : Conv2dOpBase(options), has_bias_(has_bias) {}
  std::string_view type() const override { return "conv2d"; }
  std::string_view algorithm_family() const override { return "convolution"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  bool reads_batch(int input) const override { return input > 0; }
  // With a bias y is affine in each input, not linear.
  bool linear_in(int) const override { return !has_bias_; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const override;

 private:
  bool has_bias_;
};

/// dy, w → dx.
class Conv2dGradInputOp final : public Conv2dOpBase {
 public:
  Conv2dGradInputOp(const Conv2dOptions& options, const Shape& x_shape) : Conv2dOpBase(options), x_shape_(x_shape) {}
  std::string_view type() const override { return "conv2d_grad_input"; }
  std::string_view algorithm_family() const override { return "convolution"; }
  std::string options() const override { return options_.str() + " x=" + x_shape_.str(true); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  bool reads_batch(int input) const override { return input == 1; }
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const override;

 private:
  Shape x_shape_;
};

/// x, dy → dw, accumulating.
class Conv2dGradWeightOp final : public Conv2dOpBase {
 public:
  Conv2dGradWeightOp(const Conv2dOptions& options, Size2d kernel) : Conv2dOpBase(options), kernel_(kernel) {}
  std::string_view type() const override { return "conv2d_grad_weight"; }
  std::string_view algorithm_family() const override { return "convolution"; }
  std::string options() const override { return options_.str() + " kernel=" + kernel_.str(); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const override;

 private:
  Size2d kernel_;
};

}  // namespace sluice
