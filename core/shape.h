#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace sluice {

/// Up to six extents, each >= 1; rank 0 is a scalar. A value type without heap memory.
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  /// Throws ShapeError for more than six extents or an extent below 1.
  Shape(std::initializer_list<std::int64_t> dims);
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  /// Extent of dimension `i`; 0 <= i < rank().
  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  std::span<const std::int64_t> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }
  /// Product of all extents; 1 for a scalar. Throws ShapeError when it does not fit 63 bits.
  std::int64_t elements() const;

  /// This shape behind a leading extent `n`: [n, ...].
  Shape with_leading(std::int64_t n) const;
  /// This shape without its first extent.
  Shape without_leading() const;

  /// "[8,3,32,32]"; with `sample` set, the shape of a sample value: "[N,3,32,32]".
  std::string str(bool sample = false) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, max_rank> dims_{};
  int rank_ = 0;
};

}  // namespace sluice
