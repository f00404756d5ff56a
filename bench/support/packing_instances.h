#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <sluice/mbp/pack/packing.h>

namespace sluice::bench {

/// Buffers to pack, made together with a packing that reaches their lower bound, so that the optimum is known.
struct PackingInstance {
  std::vector<PackingItem> items;
  std::vector<std::size_t> offsets;  ///< of a packing as low as the optimum
};

/// A kind of instance: about `buffers` buffers whose optimum is `bytes`, in an order that tells nothing.
struct PackingFamily {
  const char* name;
  const char* about;
  PackingInstance (*make)(std::size_t buffers, std::size_t bytes, std::mt19937_64& random);
};

/// nested, staircase, guillotine, pinwheel, thinned.
std::span<const PackingFamily> packing_families();

/// The end of the highest buffer. Throws Error where two buffers share a byte at one time.
std::size_t checked_peak(std::span<const PackingItem> items, std::span<const std::size_t> offsets);

}  // namespace sluice::bench
