#include <sluice/mbp/pack/trouble.h>

#include <algorithm>

namespace sluice::packer {

TroubledFirst::TroubledFirst(const Problem& problem) : problem_(problem), placer_(problem) {
  for (const std::vector<int>& order : placing_orders(problem))
    for (const Fit fit : {Fit::smallest_gap, Fit::lowest}) attempts_.push_back({order, fit});
}

Placement TroubledFirst::turn(std::size_t enough, Effort& effort) {
  Placement best;
  for (Attempt& attempt : attempts_) {
    const std::size_t peak = placer_.place(attempt.order, attempt.fit, effort);
    if (peak < best.peak_bytes) best = {.offsets = placer_.offsets(), .peak_bytes = peak};
    if (best.peak_bytes <= enough || effort.spent()) break;
    std::stable_partition(attempt.order.begin(), attempt.order.end(), [&](int b) {
      const auto i = static_cast<std::size_t>(b);
      return placer_.offsets()[i] + problem_.blocks[i].bytes > enough;
    });
  }
  return best;
}

}  // namespace sluice::packer
