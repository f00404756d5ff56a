#include <sluice/mbp/train/planned_run.h>

#include <sluice/core/host_memory.h>
#include <sluice/core/parameter_values.h>
#include <sluice/mbp/run/tune.h>
#include <sluice/mbp/train/measured_memory.h>
#include <sluice/mbp/train/process_memory.h>

namespace sluice {

PlannedRun::PlannedRun(Runner runner, std::vector<Reference> references, TrainerOptions options,
                       const MakePlanner& make_planner, std::function<std::string()> identity)
    : runner_(std::move(runner)),
      references_(std::move(references)),
      options_(std::move(options)),
      identity_(std::move(identity)),
      resident_before_(resident_bytes()),
      backend_(&options_.device.backend()),
      device_run_(*backend_, options_.precision) {
  with_run_settings(device_run_, options_.threads, [&] {
    options_.threads = backend_->threads();  // what is granted here is what every run of the plan gets
    make_plan(make_planner);
  });
}

void PlannedRun::make_plan(const MakePlanner& make_planner) {
  options_.budget = budget_on(*backend_, options_.budget, runner_);
  planner_ = make_planner(options_);
  plan_ = planner_->chosen();
  if (options_.tune && tune(*planner_, *plan_)) plan_ = planner_->chosen();
}

void PlannedRun::check_references() const {
  for (const auto& [name, lifetime] : references_) check_alive(lifetime, name, runner_);
}

void PlannedRun::begin(const char* what, Look look) {
  check_references();
  if (look == Look::always || looked_at_ != model_changes()) look_at_model(what);
  forget_scan();
  if (!scheduler_) take_memory();
}

/// The model must be what was planned for, and every parameter must have a value.
void PlannedRun::look_at_model(const char* what) {
  const std::uint64_t changes = model_changes();
  if (identity_() != planner_->identity())
    throw UsageError(runner_.what +
                     ": the model was changed after planning (a layer's mode, rate, freezing or parameters); "
                     "expected a new " +
                     runner_.type + " for the changed model");
  for (const StepGraph* step : {&planner_->training(), &planner_->evaluation()})
    if (step->graph) check_values(*step->graph, what);
  looked_at_ = changes;
}

void PlannedRun::take_memory() {
  check_unbound(*plan_, runner_.what);
  allocated_before_ = device_run_.memory().bytes();
  device_run_.memory().reset_peak();
  scheduler_ = host_memory_for("the slab and its kernels", plan_->summary.planned_peak_bytes(), [&] {
    return std::make_unique<Scheduler>(*plan_, *backend_, options_.verify_memory, options_.poison, options_.record);
  });
  parameters_.emplace(*plan_, *scheduler_, state_.get(), [this] { forget_scan(); });
}

/// What the run touched so far; empty before it.
std::optional<TouchedMemory> PlannedRun::touched() const {
  if (!scheduler_) return std::nullopt;
  if (const Verifier* const verifier = scheduler_->verifier()) return verifier->touched();
  if (!scanned_) scanned_ = touched_in(scheduler_->slab());
  return scanned_;
}

MemoryReport PlannedRun::memory_report() const {
  MemoryBefore before{.budget = options_.budget, .resident = resident_before_, .allocated = allocated_before_};
  for (const auto& [data, bytes] : host_bytes_) before.host += bytes;
  return measured_memory(*plan_, device_run_, before, scheduler_.get(), touched());
}

PlanDetails PlannedRun::plan_details() const {
  const std::optional<TouchedMemory> touched = this->touched();
  return make_plan_details(*plan_, planner_->training(), touched ? &*touched : nullptr);
}

}  // namespace sluice
