#include <sluice/mbp/choose.h>

#include <algorithm>
#include <limits>
#include <string>

#include <sluice/core/error.h>
#include <sluice/mbp/byte_size.h>

namespace sluice {
namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::string both(std::size_t bytes) { return std::to_string(bytes) + " bytes (" + format_bytes(bytes) + ")"; }

/// The largest micro-batch whose plan fits, or 0. The peak is nearly monotone in it: bisection, then upward while the
/// next ones still fit.
std::int64_t largest_that_fits(const Planner& planner, std::int64_t batch, std::size_t budget_bytes) {
  const auto fits = [&](std::int64_t micro_batch) {
    return planner(micro_batch, 0)->summary.planned_peak_bytes() <= budget_bytes;
  };
  std::int64_t low = 0, high = batch + 1;  // low fits (0 trivially), high does not
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  constexpr std::int64_t neighbours = 4;
  for (std::int64_t tried = high + 1; tried <= std::min(batch, high + neighbours); ++tried)
    if (fits(tried)) low = tried;
  return low;
}

/// The least that a small micro-batch needs: workspaces can make one sample dearer than a few.
std::size_t smallest_feasible_budget(const Planner& planner, std::int64_t batch) {
  std::size_t least = no_limit;
  for (std::int64_t micro_batch = 1; micro_batch <= std::min<std::int64_t>(batch, 4); ++micro_batch)
    least = std::min(least, planner(micro_batch, 0)->summary.planned_peak_bytes());
  return least;
}

}  // namespace

std::unique_ptr<RunPlan> choose_plan(const Planner& planner, std::int64_t batch, std::int64_t micro_batch,
                                     std::size_t budget_bytes) {
  if (budget_bytes == 0) return planner(micro_batch ? micro_batch : batch, no_limit);

  const std::int64_t asked = micro_batch;
  if (asked == 0) micro_batch = largest_that_fits(planner, batch, budget_bytes);
  std::unique_ptr<RunPlan> smallest = micro_batch ? planner(micro_batch, 0) : nullptr;
  if (!smallest || smallest->summary.planned_peak_bytes() > budget_bytes) {
    const std::int64_t largest = asked ? largest_that_fits(planner, batch, budget_bytes) : 0;
    if (largest)
      throw OutOfMemory("plan: micro-batch " + std::to_string(asked) + " does not fit; its predicted peak is " +
                        both(smallest->summary.planned_peak_bytes()) + ", the budget is " + both(budget_bytes) +
                        "; the largest micro-batch that fits is " + std::to_string(largest));
    throw OutOfMemory("plan: the budget of " + both(budget_bytes) +
                      " is below what one sample needs; the smallest feasible budget is " +
                      both(smallest_feasible_budget(planner, batch)));
  }
  for (const std::size_t cap :
       {no_limit, std::size_t{64} << 20, std::size_t{32} << 20, std::size_t{16} << 20, std::size_t{8} << 20,
        std::size_t{4} << 20, std::size_t{2} << 20, std::size_t{1} << 20}) {
    std::unique_ptr<RunPlan> faster = planner(micro_batch, cap);
    if (faster->summary.planned_peak_bytes() <= budget_bytes) return faster;
  }
  return smallest;
}

}  // namespace sluice
