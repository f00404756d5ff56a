#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/mbp/plan/plan_details.h>
#include <sluice/mbp/plan/run_settings.h>
#include <sluice/mbp/plan/step_planner.h>
#include <sluice/mbp/run/bound_parameters.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/mbp/train/checks.h>
#include <sluice/mbp/train/memory_report.h>

namespace sluice {

/// A plan for a model and, from the first pass on, its memory. The common base of Trainer and Predictor.
class PlannedRun {
 public:
  /// The name and lifetime of an object to which the run refers, for check_alive().
  using Reference = std::pair<const char*, std::weak_ptr<const void>>;
  using MakePlanner = std::function<std::unique_ptr<StepPlanner>(const TrainerOptions& options)>;

  /// Plans, with the threads and precision of the options. `make_planner` gets the options with the budget in bytes and
  /// the number of threads. `identity` returns StepPlanner::identity() of the present model.
  PlannedRun(Runner runner, std::vector<Reference> references, TrainerOptions options, const MakePlanner& make_planner,
             std::function<std::string()> identity);

  /// Calls `work()` with the threads and precision of the options, and returns what it returns. Throws UsageError
  /// during another call.
  template <class Work>
  std::invoke_result_t<Work&> with_settings(Work&& work) {
    if (running_.exchange(true))
      throw UsageError(runner_.what + ": it is running; expected no other call from its callback or on another thread");
    const RunEnd end(running_);
    return with_run_settings(device_run_, options_.threads, std::forward<Work>(work));
  }
  bool running() const { return running_; }

  /// When begin() checks the model: at every call, or only if model_changes() has changed.
  enum class Look : std::uint8_t { always, where_something_changed };
  /// Must be called before a pass. Throws UsageError unless the model is the planned one and every parameter has a
  /// value. Allocates the memory at the first call.
  void begin(const char* what, Look look);
  /// Sets the state whose tensors move to the slab when memory is allocated.
  void set_state(std::shared_ptr<TrainingState> state) { state_ = std::move(state); }
  void check_references() const;
  /// Counts the host memory of a data set.
  void count_host_bytes(const Dataset& data) { host_bytes_[&data] = data.host_bytes(); }
  /// Discards the last scan of the slab, because the slab is written again.
  void forget_scan() { scanned_.reset(); }

  const Runner& runner() const { return runner_; }
  const TrainerOptions& options() const { return options_; }
  const StepPlanner& planner() const { return *planner_; }
  Backend& backend() const { return *backend_; }
  RunPlan& plan() { return *plan_; }
  const RunPlan& plan() const { return *plan_; }
  /// Returns null before the first pass.
  Scheduler* scheduler() const { return scheduler_.get(); }

  MemoryReport memory_report() const;
  PlanDetails plan_details() const;

 private:
  /// Clears `running` at the end of its lifetime.
  class RunEnd {
   public:
    explicit RunEnd(std::atomic<bool>& running) : running_(running) {}
    ~RunEnd() { running_ = false; }
    RunEnd(const RunEnd&) = delete;
    RunEnd& operator=(const RunEnd&) = delete;

   private:
    std::atomic<bool>& running_;
  };

  void make_plan(const MakePlanner& make_planner);
  void look_at_model(const char* what);
  void take_memory();
  std::optional<TouchedMemory> touched() const;

  Runner runner_;
  std::vector<Reference> references_;
  TrainerOptions options_;
  std::function<std::string()> identity_;
  std::size_t resident_before_;
  Backend* backend_;
  DeviceRun device_run_;
  std::atomic<bool> running_ = false;
  std::unique_ptr<StepPlanner> planner_;
  std::unique_ptr<RunPlan> plan_;
  std::shared_ptr<TrainingState> state_;
  /// model_changes() at the last comparison of the model with the plan.
  std::optional<std::uint64_t> looked_at_;
  std::unique_ptr<Scheduler> scheduler_;          // from the first pass on
  std::optional<BoundParameters> parameters_;     // destroyed before scheduler_
  mutable std::optional<TouchedMemory> scanned_;  // cached, because a scan reads the whole slab
  std::size_t allocated_before_ = 0;
  std::map<const Dataset*, std::size_t> host_bytes_;
};

}  // namespace sluice
