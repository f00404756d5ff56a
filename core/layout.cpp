#include <sluice/core/layout.h>

#include <utility>

#include <sluice/core/error.h>

namespace sluice {

Layout::Layout(std::vector<std::uint8_t> order, std::vector<Block> blocks, std::int64_t groups)
    : order_(std::move(order)),
      blocks_(std::move(blocks)),
      groups_(groups) {
  // One layout has one representation, so that == means "the same bytes": row-major without blocks is plain.
  bool row_major = true;
  for (std::size_t i = 0; i < order_.size(); ++i) row_major = row_major && order_[i] == i;
  if (row_major) order_.clear();
  if (row_major && blocks_.empty()) groups_ = 1;
}

Shape Layout::split(const Shape& dims) const {
  if (groups_ == 1) return dims;
  std::vector<std::int64_t> view{groups_, dims[0] / groups_};
  for (int i = 1; i < dims.rank(); ++i) view.push_back(dims[i]);
  return Shape(view);
}

std::int64_t Layout::padded_elements(const Shape& dims) const {
  if (is_plain()) return dims.elements();
  const Shape view = split(dims);
  std::int64_t total = 1;
  for (int d = 0; d < view.rank(); ++d) {
    std::int64_t block = 1;
    for (const Block& b : blocks_)
      if (b.dim == d) block *= b.size;
    total *= (view[d] + block - 1) / block * block;
  }
  return total;
}

std::int64_t Layout::offset(const Shape& view, std::span<const std::int64_t> coords) const {
  std::int64_t outer[Shape::max_rank], inner_total[Shape::max_rank], rest[Shape::max_rank];
  for (int d = 0; d < view.rank(); ++d) {
    inner_total[d] = 1;
    for (const Block& b : blocks_)
      if (b.dim == d) inner_total[d] *= b.size;
    outer[d] = coords[static_cast<std::size_t>(d)] / inner_total[d];
    rest[d] = coords[static_cast<std::size_t>(d)] % inner_total[d];
  }
  std::int64_t offset = 0;
  for (int i = 0; i < view.rank(); ++i) {
    const int d = order_.empty() ? i : order_[static_cast<std::size_t>(i)];
    const std::int64_t extent = (view[d] + inner_total[d] - 1) / inner_total[d];
    offset = offset * extent + outer[d];
  }
  for (const Block& b : blocks_) {
    inner_total[b.dim] /= b.size;  // what is left of this dimension inside the current block
    offset = offset * b.size + rest[b.dim] / inner_total[b.dim];
    rest[b.dim] %= inner_total[b.dim];
  }
  return offset;
}

std::string Layout::identity() const {
  std::string text = std::to_string(groups_);
  for (const std::uint8_t d : order_) text += static_cast<char>('a' + d);
  for (const Block& b : blocks_) text += std::to_string(b.size) + static_cast<char>('a' + b.dim);
  return text;
}

std::string Layout::str(int rank) const {
  if (is_plain()) return "plain";
  const int view_rank = order_.empty() ? rank + (groups_ > 1 ? 1 : 0) : static_cast<int>(order_.size());
  std::string text;
  for (int i = 0; i < view_rank; ++i) {
    const int d = order_.empty() ? i : order_[static_cast<std::size_t>(i)];
    bool blocked = false;
    for (const Block& b : blocks_) blocked = blocked || b.dim == d;
    text += static_cast<char>((blocked ? 'A' : 'a') + d);
  }
  for (const Block& b : blocks_) text += std::to_string(b.size) + static_cast<char>('a' + b.dim);
  return text;
}

}  // namespace sluice
