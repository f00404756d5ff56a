#pragma once

#include <array>
#include <vector>

#include <sluice/kernels/cpu/parallel.h>

namespace sluice::cpu {

/// Arrays that a kernel walks in step (parameter, gradient, momentum, ...), over many tensors, as few long runs: a
/// tensor whose arrays continue those of the tensor before it in memory joins its run. With parameters in one flat
/// region, an update of a whole model is one run.
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

  std::size_t size() const { return segments_.size(); }

  /// body(addresses, count) on pieces that cover everything, one or more per thread. Allocates nothing.
  template <class Body>
  void parallel_for(std::int64_t grain, const Body& body) const {
    cpu::parallel_for(total_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (const Segment& segment : segments_) {
        const std::int64_t from = std::max(begin, segment.first), to = std::min(end, segment.first + segment.count);
        if (from >= to) continue;
        std::array<T*, arrays> addresses = segment.addresses;
        for (T*& address : addresses) address += from - segment.first;
        body(addresses, to - from);
      }
    });
  }

 private:
  struct Segment {
    std::array<T*, arrays> addresses;
    std::int64_t first;  ///< position in the concatenation of all tensors
    std::int64_t count;
  };

  static bool continues(const Segment& last, const std::array<T*, arrays>& addresses) {
    for (std::size_t i = 0; i < arrays; ++i)
      if (last.addresses[i] + last.count != addresses[i]) return false;
    return true;
  }

  std::vector<Segment> segments_;
  std::int64_t total_ = 0;
};

}  // namespace sluice::cpu
