#pragma once

#include <algorithm>
#include <cstdint>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cpu {

/// `rows` sums for every channel of an activation, over samples and positions, in double. Samples are summed in a fixed
/// number of chunks, so that the result depends on neither threads nor their timing.
template <int rows>
class ChannelSums {
 public:
  explicit ChannelSums(const ChannelView& view) : view_(view), chunks_(std::min<std::int64_t>(view.samples, 16)) {}

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(chunks_ * rows * view_.padded_channels()) * sizeof(double);
  }

  /// block(position of the block in the activation, its outer index, sums) adds one block, [spatial][inner], to
  /// sums[rows][inner]. `partial`: the workspace.
  template <class Block>
  void run(double* partial, const Block& block) const {
    const std::int64_t elements = view_.spatial * view_.inner;
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 * chunks_ / (view_.samples * elements));
    parallel_for(chunks_ * view_.outer, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t chunk = i / view_.outer, o = i % view_.outer;
        double* sums = partial + i * rows * view_.inner;
        std::fill_n(sums, rows * view_.inner, 0.0);
        const std::int64_t last = view_.samples * (chunk + 1) / chunks_;
        for (std::int64_t n = view_.samples * chunk / chunks_; n < last; ++n)
          block((n * view_.outer + o) * elements, o, sums);
      }
    });
  }

  /// Sum `row` of channel `c`, after run().
  double total(const double* partial, int row, std::int64_t c) const {
    const std::int64_t o = c / view_.inner, i = c % view_.inner;
    double sum = 0;
    for (std::int64_t chunk = 0; chunk < chunks_; ++chunk)
      sum += partial[((chunk * view_.outer + o) * rows + row) * view_.inner + i];
    return sum;
  }

 private:
  ChannelView view_;
  std::int64_t chunks_;
};

}  // namespace sluice::cpu
