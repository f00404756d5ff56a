#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/run/feeder.h>
#include <sluice/mbp/run/kernel_times.h>
#include <sluice/mbp/run/recordings.h>
#include <sluice/mbp/run/slab.h>
#include <sluice/mbp/run/verify.h>

namespace sluice {

/// One pass over a logical batch.
struct Pass {
  Range range;         ///< the logical batch
  MicroBatches split;  ///< of its samples
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::optional<Range> next = {};  ///< first micro-batch of the next pass, to prefetch it; empty: unknown
};

/// Functions that are called during a pass; each may be empty.
struct PassHooks {
  /// Called after each replay. Returns false to end the pass.
  std::function<bool(int stage, std::int64_t replay)> after_replay = {};
  /// Called after the last replay of a stage and before its once part, when the stage's sums over samples are
  /// complete.
  std::function<void(int stage)> after_replays = {};
};

/// Runs the programs of a plan in its slab. A pass runs the prologue. Then, for every stage, it replays the stage's
/// part for each micro-batch and runs the once part. Nothing allocates device memory during a pass.
class Scheduler {
 public:
  /// `record`: run parts as recordings if the device can record (Recordings).
  Scheduler(RunPlan& plan, Backend& backend, bool verify, unsigned char poison, bool record = true);

  Slab& slab() { return slab_; }
  /// Records times in `recorder` for the training steps that it asks for; null: records none.
  void record(TimesRecorder* recorder) { recorder_ = recorder; }
  const Verifier* verifier() const { return verifier_ ? &*verifier_ : nullptr; }

  /// Returns where a Feeder writes the fields of `data` that `program` reads.
  Incoming incoming(const DataSpec& data, const Program& program) const;
  /// Bytes of host memory in which staging waits for its copy to the device.
  std::size_t host_staging_bytes() const { return uploader_ ? 2 * uploader_->slot_bytes() : 0; }
  RecordedParts recorded_parts() const { return recordings_.parts(); }
  void set_scalar(const std::string& name, double number);
  /// Writes a storage from the host, between passes.
  void write(int storage, const Tensor& value);

  /// Runs a pass without the writers (walk_pass()). Returns false if a hook ended it. Throws DataError, VerifyError,
  /// and OutOfMemory for a kernel that allocates.
  bool run(Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks = {});
  /// Runs the nodes that write state. Call it after a run() whose results are accepted.
  void write_state(Program& program, const Pass& pass);

  /// Finds where the NaN or infinity in one of `wanted` begins. Replays the pass, checks every value and returns a
  /// text: "first seen in stage 0, micro-batch 3, node 'conv1 conv2d'". If a sample has the NaN or infinity, the text
  /// begins with the sample and the field. `wanted` begins with the loss, whose cause comes before all others.
  std::string find_non_finite(Program& program, const Pass& pass, Feeder& feeder, std::span<const Var> wanted);

  double read_scalar(const Program& program, Var var) const;
  /// Computes the batch scalars `wanted` from other values: it writes `given` (storage, value), runs the kernels of
  /// `nodes` in the parts that run once, reads the scalars, and restores the slab.
  std::vector<double> evaluate_scalars(Program& program, const std::set<NodeId>& nodes,
                                       std::span<const std::pair<int, Tensor>> given, std::span<const Var> wanted);
  /// Returns the address and the description of a sample value, as it is after a replay of the last stage.
  std::pair<const void*, const PartValue*> sample_value(const Program& program, Var var, std::int64_t size) const;

 private:
  using RunPart = std::function<void(const PackedPart&, const RunContext&)>;
  class PassRun;

  bool run_with(Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks, const RunPart& run_part);
  bool recording() const { return recorder_ && recorder_->on(); }
  void run_part(const PackedPart& part, const RunContext& context);
  RunContext context_of(const Pass& pass) const;
  void set_counters(const RunContext& context);
  void count_replay(const PackedPart& part, const RunContext& context);
  bool divides_by_zero(const Part& part, const Instruction& division, const Op& op) const;
  std::map<std::string, std::string> inputs_not_finite(const Range& micro_batch, const Feeder& feeder) const;
  void take_inputs(std::int64_t samples);
  void clear(int storage);

  RunPlan& plan_;
  Slab slab_;
  std::optional<Verifier> verifier_;
  TimesRecorder* recorder_ = nullptr;
  struct Input {
    int input, incoming;  // storages
    std::size_t sample_elements;
  };
  std::vector<Input> inputs_;
  int counters_ = -1;  // storage of RunCounters; -1: the device has none
  Recordings recordings_;
  std::unique_ptr<Uploader> uploader_;
};

/// Returns true while a replay runs in this process, from the copy of its inputs to its last kernel. For tests that
/// watch allocators.
bool replay_running();

}  // namespace sluice
