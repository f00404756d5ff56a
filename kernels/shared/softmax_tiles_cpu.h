#pragma once

#include <algorithm>
#include <cstdint>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cpu {

/// The positions of an activation in pieces whose channels stay in the cache: some adjacent positions of one sample.
/// Pieces do not depend on the number of threads, so neither do sums over them.
struct PositionTiles {
  static constexpr std::int64_t positions = 64;  ///< of a whole tile

  explicit PositionTiles(const ChannelView& view)
      : view(view),
        per_sample((view.spatial + positions - 1) / positions),
        total(view.samples * per_sample),
        grain(std::max<std::int64_t>(1, 4096 / (view.channels * std::min(view.spatial, positions)))) {}

  ChannelView view;
  std::int64_t per_sample, total;
  std::int64_t grain;  ///< tiles that make a second thread worth waking

  /// body(tile, sample, first position, count of positions), on all threads. Allocates nothing.
  template <class Body>
  void for_each(const Body& body) const {
    parallel_for(total, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t first = tile % per_sample * positions;
        body(tile, tile / per_sample, first, std::min(positions, view.spatial - first));
      }
    });
  }

  /// Where position `s` of sample `n` has its first channel.
  std::int64_t offset(std::int64_t n, std::int64_t s) const { return (n * view.outer * view.spatial + s) * view.inner; }
};

/// For each position of a tile the largest channel and Σ exp(x − max): what softmax and its logarithm need.
struct SoftmaxTile {
  float max[PositionTiles::positions];
  float sum[PositionTiles::positions];

  /// x: the first channel of the first of `count` positions.
  SoftmaxTile(const ChannelView& view, const float* x, std::int64_t count);

  /// y = softmax(x), in place too; padding becomes 0.
  void normalize(const ChannelView& view, const float* x, float* y, std::int64_t count) const;
};

}  // namespace sluice::cpu
