#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <sluice/kernels/shared/segments_cpu.h>
#include <sluice/kernels/shared/update_tensors.h>

namespace sluice::cpu {

/// Base of optimizer kernels: one pass over all parameters with their gradients and state, whose inputs are `groups`
/// lists of equally many tensors.
template <std::size_t groups>
class UpdateKernel : public Kernel {
 public:
  UpdateKernel(LoweringContext& context, int parameters, bool clear_gradients)
      : clear_gradients_(clear_gradients),
        counts_(share_update_layouts(context, static_cast<int>(groups), parameters)) {}

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    segments_ = update_segments<groups>(addresses, counts_);
  }

  std::string algorithm() const override { return "flat"; }

 protected:
  /// Scalar `i` behind the lists, as the host set it for this step.
  float scalar(std::size_t i) const { return *in<float>(static_cast<int>(groups * counts_.size() + i)); }
  /// body(addresses, count) on pieces that cover all tensors. Where gradients (group 1) are to be cleared, each piece's
  /// is while it is in the cache.
  template <class Body>
  void update(std::int64_t grain, const Body& body) const {
    parallel_for(segments_, grain, [&](std::array<float*, groups> at, std::int64_t count) {
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
