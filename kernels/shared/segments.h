#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace sluice {

/// `count` elements at each of several addresses, which a kernel walks in step (parameter, gradient, momentum, ...).
template <class T, std::size_t arrays>
struct Segment {
  std::array<T*, arrays> addresses;
  std::int64_t first;  ///< position in the concatenation of all tensors
  std::int64_t count;
};

/// Such arrays over many tensors, as few long runs: a tensor whose arrays continue those of the tensor before it in
/// memory joins its run. With parameters in one flat region, an update of a whole model is one run.
template <class T, std::size_t arrays>
class Segments {
 public:
  /// Room for this many tensors.
  void reserve(std::size_t tensors) { segments_.reserve(tensors); }
  void clear() {
    segments_.clear();
    total_ = 0;
  }

  /// Appends a tensor: `count` elements at each address.
  void add(const std::array<T*, arrays>& addresses, std::int64_t count) {
    if (!segments_.empty() && continues(segments_.back(), addresses))
      segments_.back().count += count;
    else
      segments_.push_back({addresses, total_, count});
    total_ += count;
  }

  std::int64_t total() const { return total_; }  ///< elements of all tensors
  auto begin() const { return segments_.begin(); }
  auto end() const { return segments_.end(); }

 private:
  static bool continues(const Segment<T, arrays>& last, const std::array<T*, arrays>& addresses) {
    for (std::size_t i = 0; i < arrays; ++i)
      if (last.addresses[i] + last.count != addresses[i]) return false;
    return true;
  }

  std::vector<Segment<T, arrays>> segments_;
  std::int64_t total_ = 0;
};

}  // namespace sluice
