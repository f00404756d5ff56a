#pragma once

#include <algorithm>
#include <array>
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
  UpdateKernel(LoweringContext& context, int parameters, bool clear_gradients) : clear_gradients_(clear_gradients) {
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
  /// body(addresses, count) on pieces that cover all tensors. Where gradients (group 1) are to be cleared, each piece's
  /// is while it is in the cache.
  template <class Body>
  void update(std::int64_t grain, const Body& body) const {
    segments_.parallel_for(grain, [&](std::array<float*, groups> at, std::int64_t count) {
      if (!clear_gradients_) return body(at, count);
      constexpr std::int64_t piece = 2048;
      for (std::int64_t done = 0; done < count; done += piece) {
        const std::int64_t size = std::min(piece, count - done);
        body(at, size);
        std::fill_n(at[1], size, 0.0f);
        for (float*& address : at) address += size;
      }
    });
  }

 private:
  bool clear_gradients_;
  std::vector<std::int64_t> counts_;
  Segments<float, groups> segments_;
};

}  // namespace sluice::cpu
