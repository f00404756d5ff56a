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

/// Averages loss and metrics over several training steps. The result is the number that evaluate() gives for the same
/// samples and parameters.
///
/// A batch scalar is arithmetic on sums over samples (batch_sum, n). These sums are added up over the steps, in double,
/// and the same kernels then compute the scalar from the totals. So a scalar weights its samples as in an evaluation.
/// Two kinds of values are averaged over the steps by samples instead:
///
/// - values that depend on parameters only,
/// - a whole scalar that cannot be computed from totals: one of a batch_gather, and one that uses a sum non-linearly if
///   its samples depend on other sums of their step (a maximum or temperature of the batch). The moments of BatchNorm
///   are means and do not count as such sums.
class EpochAverage {
 public:
  /// Averages the loss and the metrics of `training`, in that order. `plan` and `training` must outlive it.
  EpochAverage(RunPlan& plan, const StepGraph& training);

  /// Discards all steps. At most `most` steps follow; for one step no sums are stored.
  void begin(std::int64_t most);
  /// Stores the sums that are complete. Call it after the last replay of `stage`, before its once part.
  void stage_done(Scheduler& scheduler, int stage);
  /// Adds the sums of a finished step to the totals. `reported`: the scalars that the step computed.
  void step_done(std::int64_t samples, std::span<const double> reported);

  /// Returns the averages in the order of the constructor; NaN without a step, and the reported scalars for one step.
  /// Does not change the slab.
  std::vector<double> numbers(Scheduler& scheduler) const;

 private:
  /// A batch value that is stored at every step.
  struct Term {
    ValueId value = -1;
    int storage = -1;
    int stage = 0;  ///< the stage after whose replays it is complete
    bool summed = true;
    std::vector<double> step = {},
                        total = {};  ///< elements of the current step, and their totals over the steps before
  };
  struct Number {
    Var var;
    bool of_totals = false;
    double mean = 0;  ///< average of the reported scalar, by samples
  };
  enum class Kind : std::uint8_t;
  class Kinds;
  class Reader;

  Program& program_;
  const StorageTable& storages_;
  std::vector<Number> numbers_;
  std::vector<Term> terms_;
  std::set<NodeId> nodes_;  ///< nodes that compute the scalars from the totals
  std::int64_t most_ = 0, steps_ = 0;
  double samples_ = 0;
};

}  // namespace sluice
