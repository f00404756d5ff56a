#pragma once

#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/orders.h>

namespace sluice::packer {

/// Squeaky wheel optimization (Joslin and Clements 1999): blocks are placed in an order, and those that lie too
/// high are placed earlier the next time. Several orders take turns.
class TroubledFirst {
 public:
  explicit TroubledFirst(const Problem& problem);

  /// Places the blocks once in each order. Returns the best packing. Stops at the first packing of at most `enough`
  /// bytes, or when `effort` is spent.
  Placement turn(std::size_t enough, Effort& effort);

 private:
  struct Attempt {
    std::vector<int> order;
    Fit fit;
  };

  const Problem& problem_;
  Placer placer_;
  std::vector<Attempt> attempts_;
};

}  // namespace sluice::packer
