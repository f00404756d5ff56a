#pragma once

#include <sluice/core/op.h>

namespace sluice {

/// a, b → y = max(a + b, 0), and the mask of y (relu.h), in one pass: what closes a residual block. Fusion makes it of
/// relu(add(a, b)), after differentiation, so it has no gradient of its own.
///
/// a, b: equal shapes and floating dtype; of a sample and a batch value the batch value, b, is added to every sample.
/// y may overwrite a or b. Throws ShapeError when they differ.
class AddReluOp final : public Op {
 public:
  std::string_view type() const override { return "add_relu"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool batch_capable() const override { return true; }
  bool reads_batch(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }
};

}  // namespace sluice
