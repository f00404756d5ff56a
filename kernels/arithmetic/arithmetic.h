#pragma once

#include <sluice/core/graph.h>

namespace sluice {

// Elementwise arithmetic on floating values of either scope. The operands of mul, div and sub have equal shapes, where:
// - a batch value beside a sample value is the same for every sample: [C,H,W] beside [N,C,H,W];
// - a batch scalar fits everything.
// The result has sample scope when an operand has. Gradients of an operand that was repeated are summed over its uses.
// Throws ShapeError when the shapes do not fit. (Sums: add, in core/structural.h.)

/// a · b. May overwrite a, or b where it has the result's shape. Linear in each operand.
Var mul(Var a, Var b);

/// a / b. May overwrite a or b likewise. Linear in a. Gradients: da = dy / b, db = −dy · y / b.
Var div(Var a, Var b);

/// a − b. May overwrite a or b likewise.
Var sub(Var a, Var b);

/// x · factor, with a number known when the graph is built. May overwrite x.
Var scale(Var x, double factor);

/// The op behind scale; kernels read its factor.
class ScaleOp final : public Op {
 public:
  explicit ScaleOp(double factor) : factor_(factor) {}
  double factor() const { return factor_; }

  std::string_view type() const override { return "scale"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }
  bool linear_in(int) const override { return true; }

 private:
  double factor_;
};

}  // namespace sluice
