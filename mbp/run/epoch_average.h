#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/mbp/run/scheduler.h>

namespace sluice {

/// Loss and metrics of several training steps as one number each: what evaluate() says of the same samples and
/// parameters.
///
/// A batch scalar is arithmetic on sums over samples (batch_sum, n). Those sums are added up over the steps, in double,
/// and the same kernels then compute the scalar of the totals: so each number is weighted as it weighs its samples
/// itself. What depends on parameters alone is averaged over the steps, by samples. So is, as a whole, a scalar that
/// sums do not add up to: of a batch_gather, or where samples were computed from sums over their own step (a batch's
/// maximum or temperature; the moments of BatchNorm, which are means, do not count) and their sum is used other than
/// linearly.
class EpochAverage {
 public:
  /// Of the loss and the metrics of `training`, in that order. `plan` and `training` must outlive it.
  EpochAverage(RunPlan& plan, const StepGraph& training);

  /// Forgets all steps; `most` more will come. (Of one, there is nothing to add up.)
  void begin(std::int64_t most);
  /// After the last replay of `stage`, before its part that runs once: notes the sums that are complete.
  void stage_done(Scheduler& scheduler, int stage);
  /// The step of those sums is taken: `reported`, the scalars as it computed them.
  void step_done(std::int64_t samples, std::span<const double> reported);

  /// In the order of the constructor; NaN where no step was taken, and of one step what it reported. Leaves the slab as
  /// it is.
  std::vector<double> numbers(Scheduler& scheduler) const;

 private:
  /// A batch value that is noted at every step.
  struct Term {
    ValueId value = -1;
    int storage = -1;
    int stage = 0;  ///< after whose replays it is complete
    bool summed = true;
    std::vector<double> step = {}, total = {};  ///< elements, of the step under way and of those before
  };
  struct Number {
    Var var;
    bool of_totals = false;
    double mean = 0;  ///< by samples, of what the steps reported
  };
  enum class Kind : std::uint8_t;
  class Kinds;
  class Reader;

  Program& program_;
  const StorageTable& storages_;
  std::vector<Number> numbers_;
  std::vector<Term> terms_;
  std::set<NodeId> nodes_;  ///< what the numbers of totals are computed by
  std::int64_t most_ = 0, steps_ = 0;
  double samples_ = 0;
};

}  // namespace sluice
