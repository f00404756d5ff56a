#pragma once

#include <cstddef>
#include <vector>

#include <sluice/kernels/cpu/segments.h>
#include <sluice/kernels/lowering.h>

namespace sluice::cpu {

/// Base of optimizer kernels: one pass over all parameters with their gradients and state, whose inputs are `groups`
/// lists of equally many tensors. The tensors of one parameter lie alike, and padding is updated with the rest: 0 stays
/// 0.
template <std::size_t groups>
class UpdateKernel : public Kernel {
 public:
  UpdateKernel(LoweringContext& context, int parameters) {
    for (int i = 0; i < parameters; ++i) {
      Layout layout = context.input(i).layout;
      for (int group = static_cast<int>(groups) - 1; group >= 0; --group)
        if (context.input(group * parameters + i).pinned) layout = context.input(group * parameters + i).layout;
      for (int group = 0; group < static_cast<int>(groups); ++group) context.require(group * parameters + i, layout);
      counts_.push_back(context.input(i).padded_elements());
    }
  }

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    segments_.clear();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      std::array<float*, groups> at;
      for (std::size_t group = 0; group < groups; ++group)
        at[group] = static_cast<float*>(addresses.inputs[group * counts_.size() + i]);
      segments_.add(at, counts_[i]);
    }
  }

  std::string algorithm() const override { return "flat"; }

 protected:
  /// Scalar `i` behind the lists, as the host set it for this step.
  float scalar(std::size_t i) const { return *in<float>(static_cast<int>(groups * counts_.size() + i)); }
  const Segments<float, groups>& segments() const { return segments_; }

 private:
  std::vector<std::int64_t> counts_;
  Segments<float, groups> segments_;
};

}  // namespace sluice::cpu
