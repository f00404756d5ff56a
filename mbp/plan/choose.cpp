#include <sluice/mbp/plan/choose.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/refine_plan.h>

namespace sluice {
namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
constexpr std::size_t mib = std::size_t{1} << 20;

std::string both(std::size_t bytes) { return std::to_string(bytes) + " bytes (" + format_bytes(bytes) + ")"; }

/// A budget below a KiB is a number whose unit was left out.
std::string unit_hint(std::size_t budget) {
  return budget < 1024 ? "; a budget is in bytes (" + std::to_string(budget) + "_MiB?)" : "";
}

/// Chooses the plan for given constraints.
class Choice {
 public:
  Choice(const Planner& planner, const PlanConstraints& constraints) : planner_(planner), constraints_(constraints) {}

  std::unique_ptr<RunPlan> plan() const {
    std::int64_t micro_batch = constraints_.micro_batch;
    if (micro_batch == 0 && constraints_.budget_bytes == 0) micro_batch = constraints_.batch;
    if (micro_batch == 0) micro_batch = largest_that_fits(first_);
    if (micro_batch == 0) micro_batch = largest_that_fits(constraints_.recompute);
    if (micro_batch == 0) micro_batch = least_that_fits();
    if (micro_batch == 0) refuse_budget();
    std::unique_ptr<RunPlan> plan = plan_for(micro_batch);
    if (!plan) refuse_micro_batch();
    return constraints_.fastest && constraints_.micro_batch == 0 ? fastest_of_sizes(std::move(plan)) : std::move(plan);
  }

 private:
  using Plans = std::vector<std::unique_ptr<RunPlan>>;

  /// Returns null if the micro-batch does not fit.
  std::unique_ptr<RunPlan> plan_for(std::int64_t micro_batch) const {
    if (constraints_.budget_bytes == 0)
      return planner_({.micro_batch = micro_batch, .caps = {.bytes = no_limit}, .recompute = constraints_.recompute});
    std::unique_ptr<RunPlan> smallest = smallest_plan(micro_batch, first_);
    if (!fits(*smallest) && first_ != constraints_.recompute)
      smallest = smallest_plan(micro_batch, constraints_.recompute);
    // A plan that aims at the budget can miss it although the plan with the smallest arena fits.
    if (!fits(*smallest) && constraints_.recompute == Recompute::automatic) smallest = least_plan(micro_batch);
    return fits(*smallest) ? fastest(micro_batch, std::move(smallest)) : nullptr;
  }

  /// Candidates are halves and doubles of the largest micro-batch that fits without recomputation. Smaller ones may
  /// stay in the caches; larger ones need fewer launches but more recomputation.
  std::unique_ptr<RunPlan> fastest_of_sizes(std::unique_ptr<RunPlan> first) const {
    const std::int64_t largest = first->summary.micro_batch;
    Plans plans;
    plans.push_back(std::move(first));
    const auto consider = [&](std::int64_t micro_batch) {
      if (std::unique_ptr<RunPlan> plan = plan_for(micro_batch)) plans.push_back(std::move(plan));
      return plans.back()->summary.micro_batch == MicroBatches(constraints_.batch, micro_batch).size(0);
    };
    for (std::int64_t smaller = largest / 2; smaller >= constraints_.least; smaller /= 2) consider(smaller);
    if (constraints_.recompute == Recompute::automatic)
      for (std::int64_t larger = 2 * largest; larger <= constraints_.batch && consider(larger);) larger *= 2;
    return fastest_of(plans);
  }

  /// Compares measured times if every plan has one, else predicted times.
  std::unique_ptr<RunPlan> fastest_of(Plans& plans) const {
    std::vector<SizeCandidate> candidates;
    for (const std::unique_ptr<RunPlan>& plan : plans)
      candidates.push_back({.micro_batch = plan->summary.micro_batch,
                            .predicted_step_s = plan->summary.predicted_step_s,
                            .replay_ms = constraints_.replay_ms ? constraints_.replay_ms(*plan) : std::nullopt});
    const bool by_times = std::all_of(candidates.begin(), candidates.end(),
                                      [](const SizeCandidate& candidate) { return candidate.replay_ms.has_value(); });
    const auto best = std::min_element(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
      return by_times ? a.samples_per_s() > b.samples_per_s() : a.predicted_step_s < b.predicted_step_s;
    });
    best->chosen = true;
    std::unique_ptr<RunPlan> plan = std::move(plans[static_cast<std::size_t>(best - candidates.begin())]);
    std::sort(candidates.begin(), candidates.end(),
              [](const auto& a, const auto& b) { return a.micro_batch > b.micro_batch; });
    plan->summary.candidates = std::move(candidates);
    plan->summary.fastest_by_times = by_times;
    return plan;
  }

  bool fits(const RunPlan& plan) const { return plan.summary.planned_peak_bytes() <= constraints_.budget_bytes; }

  std::unique_ptr<RunPlan> smallest_plan(std::int64_t micro_batch, Recompute recompute) const {
    return planner_({.micro_batch = micro_batch, .caps = {}, .recompute = recompute});
  }

  /// Returns the plan with the smallest arena; with Recompute::automatic by recomputation of everything that helps.
  std::unique_ptr<RunPlan> least_plan(std::int64_t micro_batch) const {
    return planner_({.micro_batch = micro_batch, .caps = {}, .recompute = constraints_.recompute, .smallest = true});
  }

  std::size_t peak(std::int64_t micro_batch, Recompute recompute) const {
    // Without recomputation the peak does not depend on the budget.
    const bool known = recompute == Recompute::none && constraints_.known_peaks;
    if (known)
      if (const auto found = constraints_.known_peaks->find(micro_batch); found != constraints_.known_peaks->end())
        return found->second;
    const std::size_t bytes = smallest_plan(micro_batch, recompute)->summary.planned_peak_bytes();
    if (known) constraints_.known_peaks->emplace(micro_batch, bytes);
    return bytes;
  }

  /// Returns the largest micro-batch whose plan fits, or 0 if it is below constraints_.least. The peak is almost linear
  /// in the micro-batch, so this interpolates between one that fits and one that does not, and then tries the next
  /// larger ones.
  std::int64_t largest_that_fits(Recompute recompute) const {
    const std::size_t budget = constraints_.budget_bytes;
    std::int64_t low = 0, high = constraints_.batch;
    std::size_t low_peak = 0, high_peak = peak(high, recompute);
    if (high_peak <= budget) return high;
    for (bool halve = false; high - low > 1; halve = !halve) {
      std::int64_t tried = low + (high - low) / 2;
      if (!halve) {
        const double part = static_cast<double>(budget - low_peak) / static_cast<double>(high_peak - low_peak);
        tried = low + static_cast<std::int64_t>(part * static_cast<double>(high - low));
        tried = std::clamp(tried, low + 1, high - 1);
      }
      const std::size_t bytes = peak(tried, recompute);
      (bytes <= budget ? low : high) = tried;
      (bytes <= budget ? low_peak : high_peak) = bytes;
    }
    constexpr std::int64_t neighbours = 4;
    for (std::int64_t tried = high + 1; tried <= std::min(constraints_.batch, high + neighbours); ++tried)
      if (peak(tried, recompute) <= budget) low = tried;
    return low < constraints_.least ? 0 : low;
  }

  /// The largest of the few micro-batches to try: workspaces can make the smallest one take more than the next.
  std::int64_t few() const { return std::min(constraints_.batch, constraints_.least + 1); }

  /// Returns a micro-batch of the fewest samples, or one more, that fits with the smallest arena; 0 if none does.
  std::int64_t least_that_fits() const {
    for (std::int64_t micro_batch = few(); micro_batch >= constraints_.least; --micro_batch)
      if (fits(*least_plan(micro_batch))) return micro_batch;
    return 0;
  }

  std::unique_ptr<RunPlan> fastest(std::int64_t micro_batch, std::unique_ptr<RunPlan> best) const {
    // Returns whether smaller limits can still be faster. Larger limits are faster, unless they need recomputation.
    const auto consider = [&](const WorkspaceCaps& caps) {
      std::unique_ptr<RunPlan> plan =
          planner_({.micro_batch = micro_batch, .caps = caps, .recompute = constraints_.recompute});
      if (!fits(*plan)) return true;
      const bool recomputes = plan->summary.recomputed > 0;
      if (plan->summary.predicted_step_s < best->summary.predicted_step_s) best = std::move(plan);
      return recomputes;
    };
    for (const std::size_t cap : {no_limit, 64 * mib, 32 * mib, 16 * mib, 8 * mib, 4 * mib, 2 * mib, mib})
      if (!consider({.bytes = cap})) break;
    consider(workspace_caps_within(*best, constraints_.budget_bytes));
    return best;
  }

  [[noreturn]] void refuse_micro_batch() const {
    const std::size_t peak = least_plan(constraints_.micro_batch)->summary.planned_peak_bytes();
    const std::int64_t largest = largest_that_fits(constraints_.recompute);
    if (largest == 0) refuse_budget();
    throw OutOfMemory("plan: micro-batch " + std::to_string(constraints_.micro_batch) +
                      " does not fit; its predicted peak is " + both(peak) + ", the budget is " +
                      both(constraints_.budget_bytes) + "; the largest micro-batch that fits is " +
                      std::to_string(largest) + unit_hint(constraints_.budget_bytes));
  }

  [[noreturn]] void refuse_budget() const {
    std::size_t least = no_limit;
    for (std::int64_t micro_batch = constraints_.least; micro_batch <= few(); ++micro_batch)
      least = std::min(least, least_plan(micro_batch)->summary.planned_peak_bytes());
    throw OutOfMemory(
        "plan: the budget of " + both(constraints_.budget_bytes) + " is below what " +
        (constraints_.least > 1 ? std::to_string(constraints_.least) + " samples need" : "one sample needs") +
        "; the smallest feasible budget is " + both(least) + unit_hint(constraints_.budget_bytes));
  }

  const Planner& planner_;
  const PlanConstraints& constraints_;
  /// The first policy to try: Recompute::automatic begins without recomputation.
  const Recompute first_ = constraints_.recompute == Recompute::automatic ? Recompute::none : constraints_.recompute;
};

}  // namespace

std::unique_ptr<RunPlan> choose_plan(const Planner& planner, const PlanConstraints& constraints) {
  return Choice(planner, constraints).plan();
}

}  // namespace sluice
