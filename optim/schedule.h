#pragma once

#include <cstdint>
#include <vector>

#include <sluice/optim/optimizer.h>

namespace sluice {

/// Learning-rate schedules: factors on the optimizer's `lr` by step (0-based).
namespace schedule {

/// 1 for ever.
Schedule constant();

/// Options of warmup_cosine.
struct WarmupCosine {
  std::int64_t warmup = 0;  ///< steps of the rise
  std::int64_t steps = 0;   ///< of the whole run
  double last = 0;          ///< factor at the end, and after it
};
/// Rises linearly to 1 over `warmup` steps, (step + 1) / warmup, then falls along half a cosine to `last`. Source:
/// Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts. Throws UsageError unless 0 <= warmup <=
/// steps and 0 <= last <= 1.
Schedule warmup_cosine(const WarmupCosine& options);

/// Options of the schedule that falls at milestones.
struct Milestones {
  std::vector<std::int64_t> at;  ///< steps, rising
  double factor = 0.1;
};
/// factor^(number of milestones reached). Throws UsageError unless milestones rise and factor > 0.
Schedule milestones(const Milestones& options);

}  // namespace schedule
}  // namespace sluice
