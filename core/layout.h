#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/shape.h>

namespace sluice {

/// How the elements of a logical shape lie in memory, independent of the extents: an order of the dimensions and inner
/// blocks. Extents are padded up to whole blocks; padding holds zeros. Plain (row-major) is the default.
///
/// Names follow the usual letters: dimension 0 is `a`; `acdb` is NHWC, `aBcd16b` keeps 16 channels
/// together. `groups` > 1 splits dimension 0 into [groups, d0/groups] first (weights of grouped convolutions), and
/// letters then count the split dimensions.
class Layout {
 public:
  /// `size` consecutive indices of dimension `dim` lie next to each other.
  struct Block {
    std::uint8_t dim;
    std::int32_t size;
    friend bool operator==(const Block&, const Block&) = default;
  };

  Layout() = default;
  /// `order`: a permutation of the (split) dimensions, outermost first; empty means plain. `blocks`: outermost first.
  Layout(std::vector<std::uint8_t> order, std::vector<Block> blocks, std::int64_t groups = 1);
  /// NHWC for a rank-4 value.
  static Layout channels_last() { return Layout({0, 2, 3, 1}, {}); }
  /// nChw<block>c for a rank-4 value.
  static Layout channel_blocked(int block) { return Layout({0, 1, 2, 3}, {{1, block}}); }

  bool is_plain() const { return order_.empty() && blocks_.empty(); }
  std::int64_t groups() const { return groups_; }
  std::span<const std::uint8_t> order() const { return order_; }
  std::span<const Block> blocks() const { return blocks_; }

  /// Returns `dims` with dimension 0 split by `groups`. order() and blocks() refer to these dimensions.
  Shape split(const Shape& dims) const;
  /// Elements in memory for a logical shape, padding included.
  std::int64_t padded_elements(const Shape& dims) const;
  std::size_t bytes(const Shape& dims, DType dtype) const { return bytes_of(dtype, padded_elements(dims)); }
  /// Calls `visit(logical, physical)` with the position in memory of each logical element, in row-major order. For
  /// export and tests.
  template <class Visit>
  void for_each(const Shape& dims, Visit&& visit) const;
  /// The letters for a value of `rank` dimensions, "aBcd16b"; "plain" if is_plain(). Does not contain `groups`.
  std::string str(int rank) const;
  /// Equal exactly for equal layouts.
  std::string identity() const;

  friend bool operator==(const Layout&, const Layout&) = default;

 private:
  /// Physical offset of one element whose split coordinates are given.
  std::int64_t offset(const Shape& split_dims, std::span<const std::int64_t> coords) const;

  std::vector<std::uint8_t> order_;
  std::vector<Block> blocks_;
  std::int64_t groups_ = 1;
};

template <class Visit>
void Layout::for_each(const Shape& dims, Visit&& visit) const {
  const Shape view = split(dims);
  std::int64_t coords[Shape::max_rank] = {};
  const std::int64_t total = dims.elements();
  for (std::int64_t i = 0; i < total; ++i) {
    visit(i, is_plain() ? i : offset(view, {coords, static_cast<std::size_t>(view.rank())}));
    for (int d = view.rank() - 1; d >= 0 && ++coords[d] == view[d]; --d) coords[d] = 0;
  }
}

}  // namespace sluice
