#pragma once

#include <cstdint>

#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// The actions of a pass over a logical batch (walk_pass()).
class PassVisitor {
 public:
  virtual ~PassVisitor() = default;

  /// Runs a part of batch kernels: the prologue, the once part of a stage, or derived copies of weights.
  virtual void run_once(const PackedPart& part) = 0;
  /// Called before the replays of a stage, whose accumulators must then be zero.
  virtual void begin_stage(int stage) = 0;
  /// Runs replay `replay` of a stage. Returns false to end the pass.
  virtual bool run_replay(int stage, std::int64_t replay, const PackedPart& part) = 0;
  /// Called between the replays of a stage and its once part. The sums of the stage are complete.
  virtual void end_replays(int /*stage*/) {}
};

/// Visits the parts of `program` in the order of a pass: the prologue, then for every stage its replays, one for each
/// micro-batch of `split`, and its once part. The writers are not visited: they run when the results of the pass are
/// accepted. Returns false if a replay ended the pass.
bool walk_pass(const Program& program, const MicroBatches& split, PassVisitor& visitor);

}  // namespace sluice
