#pragma once

#include <cstdint>

#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// What is done at each place of a pass over a logical batch (walk_pass()).
class PassVisitor {
 public:
  virtual ~PassVisitor() = default;

  /// A part of batch kernels: the prologue, the once part of a stage, derived copies of weights.
  virtual void run_once(const PackedPart& part) = 0;
  /// Before the replays of a stage: its accumulators must be zero.
  virtual void begin_stage(int stage) = 0;
  /// Replay `replay` of a stage. False: the pass ends here.
  virtual bool run_replay(int stage, std::int64_t replay, const PackedPart& part) = 0;
  /// Between the replays of a stage, whose sums are complete, and its once part.
  virtual void end_replays(int /*stage*/) {}
};

/// Visits the parts of `program` in the order in which a pass runs them, its micro-batches split like this: the
/// prologue, then for every stage its replays and its once part. The writers are no part of it: they run when the
/// results of the pass are accepted. False: a replay ended it.
bool walk_pass(const Program& program, const MicroBatches& split, PassVisitor& visitor);

}  // namespace sluice
