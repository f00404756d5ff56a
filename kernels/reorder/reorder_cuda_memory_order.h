#pragma once

#include <cstdint>

#include <sluice/core/error.h>
#include <sluice/core/host_device.h>
#include <sluice/core/layout.h>

namespace sluice::cuda {

/// A layout for given extents as numbers that a kernel takes along: which element lies at a place in memory, and where
/// an element lies. Elements are counted row-major, which splitting dimension 0 into groups does not change.
class MemoryOrder {
 public:
  /// Throws BackendError for a layout with very many blocks.
  MemoryOrder(const Layout& layout, const Shape& dims) {
    const Shape view = layout.split(dims);
    rank_ = view.rank();
    std::int64_t inside[Shape::max_rank];  // of one index of a dimension's outer part: what its blocks hold
    for (int d = 0; d < rank_; ++d) {
      extents_[d] = view[d];
      inside[d] = 1;
      for (const Layout::Block& block : layout.blocks())
        if (block.dim == d) inside[d] *= block.size;
    }
    for (int i = 0; i < rank_; ++i) {
      const int d = layout.order().empty() ? i : layout.order()[static_cast<std::size_t>(i)];
      append({d, (view[d] + inside[d] - 1) / inside[d], inside[d]});
    }
    for (const Layout::Block& block : layout.blocks()) append({block.dim, block.size, inside[block.dim] /= block.size});
  }

  /// The element at `place`; −1 for padding.
  SLUICE_HOST_DEVICE std::int64_t element(std::int64_t place) const {
    std::int64_t at[Shape::max_rank] = {};
    for (int i = digits_ - 1; i >= 0; --i) {
      at[digit_[i].dim] += place % digit_[i].extent * digit_[i].weight;
      place /= digit_[i].extent;
    }
    std::int64_t element = 0;
    for (int d = 0; d < rank_; ++d) {
      if (at[d] >= extents_[d]) return -1;
      element = element * extents_[d] + at[d];
    }
    return element;
  }

  SLUICE_HOST_DEVICE std::int64_t place(std::int64_t element) const {
    std::int64_t at[Shape::max_rank] = {};
    for (int d = rank_ - 1; d >= 0; --d) {
      at[d] = element % extents_[d];
      element /= extents_[d];
    }
    std::int64_t place = 0;
    for (int i = 0; i < digits_; ++i)
      place = place * digit_[i].extent + at[digit_[i].dim] / digit_[i].weight % digit_[i].extent;
    return place;
  }

 private:
  /// A place is a number whose digits are parts of coordinates, the outermost first.
  struct Digit {
    int dim;
    std::int64_t extent;
    std::int64_t weight;  ///< of one step of this digit, in steps of its dimension
  };
  static constexpr int max_digits = 2 * Shape::max_rank;

  void append(const Digit& digit) {
    if (digits_ == max_digits) throw BackendError("cuda: a layout has too many blocks; expected at most 6");
    digit_[digits_++] = digit;
  }

  int rank_ = 0, digits_ = 0;
  std::int64_t extents_[Shape::max_rank];
  Digit digit_[max_digits];
};

}  // namespace sluice::cuda
