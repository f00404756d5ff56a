#pragma once

#include <optional>

#include <sluice/core/graph.h>

namespace sluice {

/// Which positions count; weights are values and come as Vars.
struct CrossEntropyOptions {
  /// Label of positions that do not count: their weight is 0. Empty: every label is a class.
  std::optional<int> ignore_index = -100;
};

/// Softmax cross entropy of each sample, from logits:
///   loss[n] = Σ_p w(n,p) · (log Σ_c exp(x[n,c,p]) − x[n,label(n,p),p]),
///   w(n,p) = 0 for an ignored label, else class_weights[label] · sample_weights[n] (each 1 when absent).
///
/// logits: f32 [N,C] or [N,C,H,W]; labels: i32 [N] or [N,H,W]; class_weights: f32 [C], batch; sample_weights: f32 [N].
/// Returns f32 [N]. A position of weight 0 contributes exactly 0, even where its logits are infinite or NaN. A label
/// that is neither ignored nor in [0,C) gives NaN; a Trainer refuses it as it reads it. Differentiable in the logits
/// only. The mean is batch_sum(loss) / batch_sum(cross_entropy_weight(...)): of the whole logical batch, however
/// it is split. Throws ShapeError when the shapes do not fit.
Var cross_entropy_loss(Var logits, Var labels, const CrossEntropyOptions& options = {}, Var class_weights = {},
                       Var sample_weights = {});

/// The weight of each sample in the loss: weight[n] = Σ_p w(n,p), with w as above.
///
/// Depends on labels and weights only, never on logits, so that a denominator can be known before any forward pass.
/// Returns f32 [N]; not differentiable. With class weights, a label outside [0,C) gives NaN.
Var cross_entropy_weight(Var labels, const CrossEntropyOptions& options = {}, Var class_weights = {},
                         Var sample_weights = {});

/// Gradient of cross_entropy_loss by the logits: dx[n,c,p] = dloss[n] · w(n,p) · (softmax(x)[n,c,p] − [c =
/// label(n,p)]).
///
/// dloss: f32 [N], sample, or a batch scalar. Returns the logits' shape; may overwrite them. Linear in dloss.
Var cross_entropy_grad(Var logits, Var labels, Var dloss, const CrossEntropyOptions& options = {},
                       Var class_weights = {}, Var sample_weights = {});

/// What the three ops share; kernels read it. Inputs in order: logits (loss, grad), labels, class weights, sample
/// weights (each when present), dloss (grad).
class CrossEntropyOp : public Op {
 public:
  CrossEntropyOp(const CrossEntropyOptions& options, bool class_weights, bool sample_weights)
      : options_(options),
        class_weights_(class_weights),
        sample_weights_(sample_weights) {}

  const CrossEntropyOptions& cross_entropy_options() const { return options_; }
  /// Index of an input; -1 when absent.
  int logits_input() const { return has_logits() ? 0 : -1; }
  int labels_input() const { return has_logits() ? 1 : 0; }
  int class_weights_input() const { return class_weights_ ? labels_input() + 1 : -1; }
  int sample_weights_input() const { return sample_weights_ ? labels_input() + 1 + (class_weights_ ? 1 : 0) : -1; }
  /// Where dloss stands, if there is one.
  int last_input() const { return labels_input() + 1 + (class_weights_ ? 1 : 0) + (sample_weights_ ? 1 : 0); }

  std::string options() const override;
  bool differentiable(int input) const override { return input == logits_input(); }
  bool reads_batch(int input) const override { return input == class_weights_input(); }
  /// Of labels, where the op knows the number of classes: by logits or class weights.
  std::optional<IntegerRange> integer_range(int input, std::span<const ValueSpec> inputs) const override;

 protected:
  virtual bool has_logits() const { return true; }
  /// "logits,labels,class_weights,sample_weights,dloss" without what is absent.
  std::string names() const;
  /// Throws ShapeError unless labels and weights fit the logits (loss, grad) or each other (weight).
  void check(std::span<const ValueSpec> inputs) const;

 private:
  CrossEntropyOptions options_;
  bool class_weights_;
  bool sample_weights_;
};

}  // namespace sluice
