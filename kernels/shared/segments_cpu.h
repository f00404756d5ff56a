#pragma once

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/segments.h>

namespace sluice::cpu {

/// body(addresses, count) on pieces that cover all segments, one or more per thread. Allocates nothing.
template <class T, std::size_t arrays, class Body>
void parallel_for(const Segments<T, arrays>& segments, std::int64_t grain, const Body& body) {
  parallel_for(segments.total(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (const Segment<T, arrays>& segment : segments) {
      const std::int64_t from = std::max(begin, segment.first), to = std::min(end, segment.first + segment.count);
      if (from >= to) continue;
      std::array<T*, arrays> addresses = segment.addresses;
      for (T*& address : addresses) address += from - segment.first;
      body(addresses, to - from);
    }
  });
}

}  // namespace sluice::cpu
