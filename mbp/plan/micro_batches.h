#pragma once

#include <cstdint>
#include <vector>

namespace sluice {

/// A logical batch of n samples cut into k = ceil(n/µ) micro-batches whose sizes differ by at most one; larger ones
/// first.
struct MicroBatches {
  std::int64_t samples = 0;
  std::int64_t replays = 0;

  MicroBatches(std::int64_t n, std::int64_t micro_batch)
      : samples(n),
        replays(n / micro_batch + (n % micro_batch != 0)) {}

  std::int64_t size(std::int64_t i) const { return samples / replays + (i < samples % replays ? 1 : 0); }
  std::int64_t first(std::int64_t i) const {
    const std::int64_t larger = samples % replays;
    return i * (samples / replays) + (i < larger ? i : larger);
  }
  std::int64_t least_size() const { return samples / replays; }
  /// The one or two sizes that occur, larger first.
  std::vector<std::int64_t> sizes() const {
    std::vector<std::int64_t> sizes{size(0)};
    if (size(replays - 1) != size(0)) sizes.push_back(size(replays - 1));
    return sizes;
  }
};

}  // namespace sluice
