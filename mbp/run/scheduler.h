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
  std::optional<Range> next = {};  ///< the micro-batch that will be wanted first after this pass, to prefetch it
};

/// What a caller of a pass wants to do in between; empty: nothing.
struct PassHooks {
  /// After each replay; false ends the pass.
  std::function<bool(int stage, std::int64_t replay)> after_replay = {};
  /// After the last replay of a stage, before its once part: the stage's sums over samples are complete.
  std::function<void(int stage)> after_replays = {};
};

/// Runs programs of a plan in its slab: prologue, then for every stage its part replayed for each micro-batch and its
/// part run once. In a replay nothing allocates.
class Scheduler {
 public:
  /// `record`: whether parts are run as recordings where the device can (Recordings).
  Scheduler(RunPlan& plan, Backend& backend, bool verify, unsigned char poison, bool record = true);

  Slab& slab() { return slab_; }
  /// Times the training steps that `recorder` wants; null: none.
  void record(TimesRecorder* recorder) { recorder_ = recorder; }
  const Verifier* verifier() const { return verifier_ ? &*verifier_ : nullptr; }

  /// Where a feeder must put the fields of `data` that `program` reads.
  Incoming incoming(const DataSpec& data, const Program& program) const;
  /// Memory of the host that staging takes on its way to the device.
  std::size_t host_staging_bytes() const { return uploader_ ? 2 * uploader_->slot_bytes() : 0; }
  RecordedParts recorded_parts() const { return recordings_.parts(); }
  void set_scalar(const std::string& name, double number);
  /// Writes a storage from the host, between passes.
  void write(int storage, const Tensor& value);

  /// Everything but the writers (walk_pass()). False: ended by a hook. Throws DataError, VerifyError, OutOfMemory (a
  /// kernel that allocates).
  bool run(Program& program, const Pass& pass, Feeder& feeder, const PassHooks& hooks = {});
  /// The nodes that write state; after a run() whose results are accepted.
  void write_state(Program& program, const Pass& pass);

  /// Runs the pass again, looks at every value, and tells where the NaN or infinity of one of `wanted` begins: "first
  /// seen in stage 0, micro-batch 3, node 'conv1 conv2d'", and before it the sample and the field that it came with, if
  /// it did. `wanted`: the loss first; of several causes, its own is named.
  std::string find_non_finite(Program& program, const Pass& pass, Feeder& feeder, std::span<const Var> wanted);

  double read_scalar(const Program& program, Var var) const;
  /// What the batch scalars `wanted` would be if the storages of `given` held these values: of the kernels that run
  /// once, those of `nodes` run again. The slab is as it was afterwards.
  std::vector<double> compute_again(Program& program, const std::set<NodeId>& nodes,
                                    std::span<const std::pair<int, Tensor>> given, std::span<const Var> wanted);
  /// Address of a sample value at the end of the last stage's replay, with its description.
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
  int counters_ = -1;  // storage; -1: the device keeps none
  Recordings recordings_;
  std::unique_ptr<Uploader> uploader_;
};

/// True while a replay runs in this process: between copying its inputs and its last kernel. For tests that watch
/// allocators.
bool replay_running();

}  // namespace sluice
