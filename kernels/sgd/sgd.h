#pragma once

#include <span>

#include <sluice/core/graph.h>

namespace sluice {

/// What of SGD is fixed when the graph is built; the learning rate comes as a scalar.
struct SgdUpdateOptions {
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;         ///< needs momentum
  bool clear_gradients = false;  ///< leave the gradients at zero, in the same pass
};

/// One step of stochastic gradient descent on all parameters at once, in place:
///   g ← g + weight_decay · p;  v ← momentum · v + g;  p ← p − lr · v   (nesterov: p ← p − lr · (g + momentum · v)).
///
/// parameters, gradients: batch values of pairwise equal shapes, f32; velocities: the same shapes, zero before the
/// first step, empty without momentum; lr: a batch scalar. The node has no outputs; gradients are left as they are, or
/// at zero with clear_gradients. A momentum near 1 acts as the double it is (kernels/shared/decay.h). Source: Sutskever
/// et al., "On the importance of initialization and momentum in deep learning", ICML 2013, in the form of
/// torch.optim.SGD. Throws ShapeError when shapes do not pair up, UsageError when options contradict each other.
void sgd_update(std::span<const Var> parameters, std::span<const Var> gradients, std::span<const Var> velocities,
                Var lr, const SgdUpdateOptions& options = {});

/// The op behind sgd_update; kernels read its options. Inputs: all parameters, all gradients, all velocities (with
/// momentum), lr.
class SgdOp final : public Op {
 public:
  SgdOp(const SgdUpdateOptions& options, int parameters) : options_(options), parameters_(parameters) {}

  const SgdUpdateOptions& update_options() const { return options_; }
  int parameters() const { return parameters_; }
  /// Values per parameter: p, g and, with momentum, v.
  int groups() const { return options_.momentum != 0 ? 3 : 2; }
  int lr_input() const { return groups() * parameters_; }

  std::string_view type() const override { return "sgd"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int) const override { return false; }
  bool batch_capable() const override { return true; }
  std::vector<int> mutates() const override;
  std::vector<int> clears() const override;
  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const override;

 private:
  SgdUpdateOptions options_;
  int parameters_;
};

}  // namespace sluice
