#pragma once

#include <sluice/core/op.h>

namespace sluice {

// Batch normalisation in parts that planner and stages can place one by one:
//
//   moments = batch_moments(x)                       by-product: n, Σx, Σx² of the micro-batch, in double
//   y       = batch_norm(x, moments, scale, shift)   moments: that by-product, its batch_sum, or given ones
//   sums    = batch_norm_grad_sums(dy, x, …)         by-product: Σdy, Σdy·x̂ of the micro-batch, in double
//   dscale  = batch_norm_grad_parameter(sums)        accumulates
//   dx      = batch_norm_grad_input(dy, x, …, sums)  sums: that by-product, its batch_sum, or none
//
// and beside them fixed_moments (moments made of running statistics) and batch_norm_update (running statistics moved
// towards the batch_sum of moments),
// with x̂ = (x − mean) / √(variance + eps). Moments and sums are sums over samples, so they add over micro-batches.

/// Where the moments come from that a batch_norm node normalises by.
enum class MomentsOf : std::uint8_t { micro_batch, logical_batch, constant };

/// x → [3,C]: n, Σx, Σx².
class BatchMomentsOp final : public Op {
 public:
  std::string_view type() const override { return "batch_moments"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  std::int64_t least_samples(std::span<const ValueSpec> inputs) const override;
};

/// mean, variance → the moments [3,C] of one sample that would have them.
class FixedMomentsOp final : public Op {
 public:
  std::string_view type() const override { return "fixed_moments"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int) const override { return false; }
};

/// What the forward op and its gradients share.
struct BatchNormTraits {
  MomentsOf moments_of = MomentsOf::micro_batch;
  double eps = 1e-5;
  bool relu = false;  ///< y = relu(…)

  std::string str() const;
};

/// x, moments, scale, shift[, addend] → y[, mask]. Addend and relu come from fusion (batch_norm_fusions.cpp), after
/// differentiation: the gradient is that of the op without them. The mask of relu (relu.h) where there is an addend;
/// without one, the gradient ops see in x what relu let pass.
class BatchNormOp final : public Op {
 public:
  BatchNormOp(const BatchNormTraits& traits, bool has_addend) : traits_(traits), has_addend_(has_addend) {}

  const BatchNormTraits& traits() const { return traits_; }
  bool has_addend() const { return has_addend_; }
  bool has_mask() const { return has_addend_ && traits_.relu; }
  std::string_view type() const override { return "batch_norm"; }
  std::string options() const override { return traits_.str() + (has_addend_ ? " addend" : ""); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  bool differentiable(int input) const override { return input != 1; }  // the gradient by x goes through the moments
  bool reads_batch(int input) const override { return input >= 1 && input <= 3; }
  bool reads_by_product(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override {
    return has_addend_ ? std::vector<int>{0, 4} : std::vector<int>{0};
  }
  bool split_dependent() const override { return traits_.moments_of == MomentsOf::micro_batch; }
  std::int64_t least_samples(std::span<const ValueSpec> inputs) const override;
  bool takes_means_of(int input) const override { return input == 1; }

 private:
  BatchNormTraits traits_;
  bool has_addend_;
};

/// dy, x, moments, scale, shift → [2,C]: Σdy, Σdy·x̂; where `relu`, of the dy that relu lets pass.
class BatchNormGradSumsOp final : public Op {
 public:
  explicit BatchNormGradSumsOp(const BatchNormTraits& traits) : traits_(traits) {}

  const BatchNormTraits& traits() const { return traits_; }
  std::string_view type() const override { return "batch_norm_grad_sums"; }
  std::string options() const override { return traits_.str(); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool reads_batch(int input) const override { return input >= 2; }
  bool reads_by_product(int input) const override { return input == 2; }
  bool linear_in(int input) const override { return input == 0; }

 private:
  BatchNormTraits traits_;
};

/// One row of the sums → its total over the logical batch, [C] f32.
class BatchNormGradParameterOp final : public Op {
 public:
  /// `row` 0: Σdy, the gradient by shift; 1: Σdy·x̂, by scale.
  explicit BatchNormGradParameterOp(int row) : row_(row) {}

  int row() const { return row_; }
  std::string_view type() const override { return "batch_norm_grad_parameter"; }
  std::string options() const override { return std::to_string(row_); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool reads_by_product(int) const override { return true; }
  bool linear_in(int) const override { return true; }

 private:
  int row_;
};

/// dy, x, moments, scale, shift[, sums] → dx. Without sums the moments do not depend on x.
class BatchNormGradInputOp final : public Op {
 public:
  explicit BatchNormGradInputOp(const BatchNormTraits& traits) : traits_(traits) {}

  const BatchNormTraits& traits() const { return traits_; }
  bool has_sums() const { return traits_.moments_of != MomentsOf::constant; }
  std::string_view type() const override { return "batch_norm_grad_input"; }
  std::string options() const override { return traits_.str(); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool reads_batch(int input) const override { return input >= 2; }
  bool reads_by_product(int input) const override { return input == 2 || input == 5; }
  bool linear_in(int input) const override { return input == 0 && !has_sums(); }
  bool linear_together(int input) const override { return has_sums() && (input == 0 || input == 5); }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }

 private:
  BatchNormTraits traits_;
};

/// running_mean, running_variance, moments of the logical batch → (writes both).
class BatchNormUpdateOp final : public Op {
 public:
  explicit BatchNormUpdateOp(double momentum) : momentum_(momentum) {}

  double momentum() const { return momentum_; }
  std::string_view type() const override { return "batch_norm_update"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  std::vector<int> mutates() const override { return {0, 1}; }

 private:
  double momentum_;
};

}  // namespace sluice
