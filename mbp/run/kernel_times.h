#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <sluice/data/load_log.h>
#include <sluice/mbp/plan/plan_details.h>

namespace sluice {

class Backend;
struct RunContext;

enum class SliceKind : std::uint8_t {
  step,     ///< from the prologue to the end of the update
  part,     ///< one run of a part; of a replayed part, with the copy of its inputs
  kernel,   ///< one run of a kernel, until the device has finished it
  inputs,   ///< the copy of incoming fields to the inputs
  waiting,  ///< waiting for the loader
  loading,  ///< work of the loader's thread
};

/// A timed interval. A kernel lies within its part, and all but loading lie within a step.
struct TimedSlice {
  SliceKind kind = SliceKind::kernel;
  int part = -1;         ///< index in PlanDetails::parts
  int instruction = -1;  ///< index of the instruction in the part
  std::int64_t step = 0;
  std::int64_t replay = 0;                ///< which micro-batch of the step; loading: the first position
  std::int64_t samples = 0;               ///< loading: how many
  std::int64_t begin_ns = 0, end_ns = 0;  ///< since the first step began
};

/// The timed steps of a training run. May be copied.
struct KernelTimes {
  std::vector<TimedSlice> slices;  ///< in the order in which they ended
  std::size_t asked_bytes = 0;     ///< allocated on the device at the end of the last recorded step
  std::int64_t steps = 0;          ///< complete steps
};

/// Times the kernels of some training steps. Allocates its memory beforehand.
class TimesRecorder {
 public:
  TimesRecorder(const RunPlan& plan, Backend& backend, std::int64_t steps);

  /// Whether the next training step is to be recorded.
  bool wants_step() const { return steps_ < wanted_; }
  /// Between begin_step() and end_step().
  bool on() const { return on_; }
  void begin_step(std::int64_t step);
  void end_step(std::size_t asked_bytes);
  /// Drops the slices of a step that did not finish.
  void drop_step();

  /// Begins the next slice now.
  void mark() { marked_ = Clock::now(); }
  /// Adds a slice from the last mark to now, and begins the next one.
  void add(SliceKind kind, const RunContext& context);
  /// Begins the slice of the next replayed part now.
  void begin_replay() {
    mark();
    replay_begin_ = marked_;
  }
  /// Runs the kernels of a part.
  void run(const PackedPart& part, const RunContext& context);

  /// Returns the log for the loaders of the run.
  LoadLog* loads() { return &loads_; }
  KernelTimes times() const;

 private:
  using Clock = LoadLog::Clock;
  struct Slice {
    SliceKind kind;
    const PackedPart* part;
    int instruction;
    std::int64_t step, replay;
    Clock::time_point begin, end;
  };
  void push(const Slice& slice) {
    if (slices_.size() < slices_.capacity()) slices_.push_back(slice);
  }

  std::map<const PackedPart*, int> numbers_;  // in PlanDetails::parts
  std::vector<Slice> slices_;
  Backend& backend_;
  LoadLog loads_;
  std::int64_t wanted_, steps_ = 0, step_ = 0;
  std::size_t before_step_ = 0;  // slices
  std::size_t asked_bytes_ = 0;
  bool on_ = false;
  Clock::time_point step_begin_, replay_begin_, marked_;
};

}  // namespace sluice
