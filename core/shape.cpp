#include <sluice/core/shape.h>

#include <limits>

#include <sluice/core/error.h>

namespace sluice {

Shape::Shape(std::initializer_list<std::int64_t> dims)
    : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  if (dims.size() > max_rank)
    throw ShapeError("shape: " + std::to_string(dims.size()) + " dimensions; expected at most 6");
  for (const std::int64_t extent : dims) {
    if (extent < 1) throw ShapeError("shape: extent " + std::to_string(extent) + "; expected >= 1");
    dims_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : dims()) {
    if (product > std::numeric_limits<std::int64_t>::max() / extent)
      throw ShapeError("shape: " + str() + " has more elements than 63 bits count");
    product *= extent;
  }
  return product;
}

Shape Shape::with_leading(std::int64_t n) const {
  if (rank_ == max_rank) throw ShapeError("shape: " + str() + " has no room for a leading extent");
  std::array<std::int64_t, max_rank> dims{n};
  for (int i = 0; i < rank_; ++i) dims[static_cast<std::size_t>(i + 1)] = (*this)[i];
  return Shape(std::span<const std::int64_t>(dims.data(), static_cast<std::size_t>(rank_ + 1)));
}

Shape Shape::without_leading() const {
  if (rank_ == 0) throw ShapeError("shape: a scalar has no leading extent");
  return Shape(dims().subspan(1));
}

std::string Shape::str(bool sample) const {
  std::string text = "[";
  if (sample) text += rank_ ? "N," : "N";
  for (int i = 0; i < rank_; ++i) text += (i ? "," : "") + std::to_string((*this)[i]);
  return text + "]";
}

}  // namespace sluice
