#pragma once

#include <sluice/core/host_device.h>
#include <sluice/core/op.h>
#include <sluice/kernels/shared/pool_window.h>

namespace sluice {

/// Whether an element takes the place of the largest one before it in its window: a larger number, and any NaN.
struct ReplacesMaximum {
  template <class T>
  SLUICE_HOST_DEVICE bool operator()(T value, T largest) const {
    return value > largest || value != value;
  }
};

/// What both directions share; in `pool` the stride is spelt out.
class MaxPool2dOpBase : public Op {
 public:
  explicit MaxPool2dOpBase(const PoolWindow& options) : options_(options.resolved()) {}

  const PoolWindow& pool() const { return options_; }
  std::string options() const override { return options_.str(); }
  /// Positions of the maxima inside their windows, row-major.
  DType index_dtype() const { return options_.kernel.h * options_.kernel.w <= 255 ? DType::u8 : DType::i32; }

 protected:
  PoolWindow options_;
};

/// x → y, indices.
class MaxPool2dOp final : public MaxPool2dOpBase {
 public:
  using MaxPool2dOpBase::MaxPool2dOpBase;
  std::string_view type() const override { return "max_pool2d"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
};

/// dy, indices → dx.
class MaxPool2dGradOp final : public MaxPool2dOpBase {
 public:
  MaxPool2dGradOp(const PoolWindow& options, const Shape& x_shape) : MaxPool2dOpBase(options), x_shape_(x_shape) {}
  std::string_view type() const override { return "max_pool2d_grad"; }
  std::string options() const override { return options_.str() + " x=" + x_shape_.str(true); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int input) const override { return input == 0; }
  bool linear_in(int input) const override { return input == 0; }

 private:
  Shape x_shape_;
};

}  // namespace sluice
