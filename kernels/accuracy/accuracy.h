#pragma once

#include <optional>

#include <sluice/core/graph.h>

namespace sluice {

/// Which positions count.
struct CorrectOptions {
  /// Label of positions that do not count. Empty: every label is a class.
  std::optional<int> ignore_index = -100;
};

/// How many positions of each sample are classified correctly: argmax over C equals the label.
///
/// logits: f32 [N,C] or [N,C,H,W]; labels: i32 [N] or [N,H,W]. Returns f32 [N]; not differentiable. Of equal logits the
/// lowest class wins; ignored labels, labels outside [0,C) (a Trainer refuses those as it reads them) and NaN logits
/// count 0. Accuracy is batch_sum of this / the
/// number of positions (cross_entropy_weight without other weights counts them). Throws ShapeError when the shapes do
/// not fit.
Var correct(Var logits, Var labels, const CorrectOptions& options = {});

/// The op behind correct; kernels read its options.
class CorrectOp final : public Op {
 public:
  explicit CorrectOp(const CorrectOptions& options) : options_(options) {}
  const CorrectOptions& correct_options() const { return options_; }

  std::string_view type() const override { return "correct"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool differentiable(int) const override { return false; }
  std::optional<IntegerRange> integer_range(int input, std::span<const ValueSpec> inputs) const override;

 private:
  CorrectOptions options_;
};

}  // namespace sluice
