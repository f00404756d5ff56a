#pragma once

#include <array>
#include <span>

#include <sluice/core/graph.h>

namespace sluice {

/// What of Adam is fixed when the graph is built; what changes from step to step comes as scalars.
struct AdamUpdateOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;  ///< of the gradient; with decoupled it is in the scalars
  bool decoupled = false;   ///< AdamW: p shrinks by lr · weight_decay · p; else weight_decay · p joins the gradient
  bool clear_gradients = false;  ///< leave the gradients at zero, in the same pass
};

/// Numbers the host sets before each step t = 1, 2, ...: batch scalars, each computed in double and rounded once.
/// adam_scalars() has their values.
struct AdamScalars {
  Var step_size;   ///< lr / (1 − beta1^t)
  Var root_bias2;  ///< √(1 − beta2^t)
  /// What the parameter is multiplied by is keep − lose (kernels/shared/decay.h); 1, 0 without decoupled decay.
  Var keep, lose;
};

/// The values of AdamScalars in the order of its members, for step `t` (from 1 on) at learning rate `lr`.
std::array<double, 4> adam_scalars(const AdamUpdateOptions& options, double lr, double t);

/// One step of Adam on all parameters at once, in place:
///   m ← beta1 · m + (1 − beta1) · g;  v ← beta2 · v + (1 − beta2) · g²;
///   p ← (keep − lose) · p − step_size · m / (√v / root_bias2 + eps).
///
/// Betas near 1 act as the doubles they are (kernels/shared/decay.h), also where f32 has no number for them.
///
/// parameters, gradients, first_moments (m), second_moments (v): batch values of pairwise equal shapes, f32; m and v
/// zero before the first step. The node has no outputs; gradients are left as they are, or at zero with
/// clear_gradients. Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1;
/// decoupled: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, in the form of
/// torch.optim.AdamW. Throws ShapeError when shapes do not pair up, UsageError when the lists differ in length.
void adam_update(std::span<const Var> parameters, std::span<const Var> gradients, std::span<const Var> first_moments,
                 std::span<const Var> second_moments, const AdamScalars& scalars,
                 const AdamUpdateOptions& options = {});

/// The op behind adam_update; kernels read its options. Inputs: all parameters, all gradients, all m, all v, and the
/// members of AdamScalars.
class AdamOp final : public Op {
 public:
  AdamOp(const AdamUpdateOptions& options, int parameters) : options_(options), parameters_(parameters) {}

  const AdamUpdateOptions& update_options() const { return options_; }
  int parameters() const { return parameters_; }

  std::string_view type() const override { return "adam"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int) const override { return false; }
  bool batch_capable() const override { return true; }
  std::vector<int> mutates() const override;
  std::vector<int> clears() const override;
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const override;

 private:
  AdamUpdateOptions options_;
  int parameters_;
};

}  // namespace sluice
