#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// Multiplies each element by 0 with probability `rate`, else by 1 / (1 − rate): NaN passes, a dropped infinity is NaN.
///
/// x: [N,C,...] or [N,F], sample, floating. Returns the same; may overwrite x. A rate of 0 returns x itself.
/// Which elements go is decided by Philox::at(seed, step, id, position of the sample in the logical batch, element /
/// 4), word element % 4, with elements counted channel-fastest ((h·W + w)·C + c): the same for every split, layout,
/// thread count and device. The id is the graph's next random id. Linear in x. Gradient: the same op, with the same id,
/// applied to dy. Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
/// 2014. Throws UsageError unless 0 <= rate <= 1 − 2^-24 (a decision has 24 bits; an element goes with the probability
/// `rate`, rounded up to a multiple of 2^-24), ShapeError when x is no floating sample value with a channel
/// dimension.
Var dropout(Var x, double rate);

/// The op behind dropout; kernels read rate and id.
class DropoutOp final : public Op {
 public:
  DropoutOp(double rate, std::uint32_t id) : rate_(rate), id_(id) {}
  double rate() const { return rate_; }
  std::uint32_t id() const { return id_; }

  std::string_view type() const override { return "dropout"; }
  std::string options() const override;
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  void gradient(GradientContext& context) const override;
  std::vector<int> in_place_inputs() const override { return {0}; }
  bool linear_in(int) const override { return true; }

 private:
  double rate_;
  std::uint32_t id_;
};

}  // namespace sluice
