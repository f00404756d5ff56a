#include <sluice/optim/schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice::schedule {

Schedule constant() {
  return [](std::int64_t) { return 1.0; };
}

Schedule warmup_cosine(const WarmupCosine& options) {
  if (options.warmup < 0 || options.warmup > options.steps || !(options.last >= 0 && options.last <= 1))
    throw UsageError("warmup_cosine: an option is out of range; got warmup=" + std::to_string(options.warmup) +
                     ", steps=" + std::to_string(options.steps) + ", last=" + number_text(options.last) +
                     "; expected 0 <= warmup <= steps and 0 <= last <= 1");
  return [options](std::int64_t step) {
    if (step < options.warmup) return static_cast<double>(step + 1) / static_cast<double>(options.warmup);
    if (step >= options.steps) return options.last;
    const double done =
        static_cast<double>(step - options.warmup) / static_cast<double>(options.steps - options.warmup);
    return options.last + (1 - options.last) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  };
}

Schedule milestones(const Milestones& options) {
  if (!std::is_sorted(options.at.begin(), options.at.end()) || !(options.factor > 0))
    throw UsageError("milestones: an option is out of range; expected rising steps and factor > 0");
  return [options](std::int64_t step) {
    const auto reached = std::upper_bound(options.at.begin(), options.at.end(), step) - options.at.begin();
    return std::pow(options.factor, static_cast<double>(reached));
  };
}

}  // namespace sluice::schedule
