#include "common/run_trainer.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/text.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>

#include "common/checked_main.h"
#include "common/checkpoint_folder.h"
#include "common/plan_alternatives.h"
#include "common/progress_bar.h"
#include "common/report.h"
#include "common/stop_on_signal.h"
#include "common/svg_output.h"
#include "common/trace_file.h"
#include "common/trainer_report.h"

namespace sluice::samples {
namespace {

std::unique_ptr<Optimizer> make_optimizer(const TrainerFlags& flags, std::int64_t samples) {
  const bool partial = samples % flags.batch != 0 && !flags.drop_last;
  const std::int64_t epoch = std::max<std::int64_t>(1, samples / flags.batch + (partial ? 1 : 0));
  const std::int64_t most_epochs = std::numeric_limits<std::int64_t>::max() / epoch;
  const std::int64_t steps = epoch * std::min(flags.epochs, most_epochs);
  const std::int64_t warmup = std::min(2 * epoch, steps / 4);
  const Schedule rate = schedule::warmup_cosine({.warmup = warmup, .steps = steps});
  if (flags.optimizer == "sgd")
    return std::make_unique<Sgd>(SgdOptions{
        .lr = flags.learning_rate(), .momentum = flags.momentum, .weight_decay = flags.weight_decay, .schedule = rate});
  return std::make_unique<Adam>(AdamOptions{.lr = flags.learning_rate(),
                                            .beta1 = flags.momentum,
                                            .weight_decay = flags.weight_decay,
                                            .decoupled = flags.optimizer == "adamw",
                                            .schedule = rate});
}

/// What the slab holds before anything is written: the byte in SLUICE_POISON (0 to 255), for showing that results do
/// not depend on it.
unsigned char poison_byte() {
  const char* const text = std::getenv("SLUICE_POISON");
  if (!text) return TrainerOptions{}.poison;
  unsigned char byte = 0;
  const char* const end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, byte);
  if (last != end || error != std::errc() || last == text)
    throw UsageError(fmt::format("SLUICE_POISON: got '{}'; expected a whole number from 0 to 255", text));
  return byte;
}

void print_plan(const Trainer& trainer, const TrainerReport& report) {
  const std::size_t budget = trainer.options().budget;
  std::cout << trainer.plan();
  std::cout << "  whole batch " << format_bytes(report.whole_batch_planned_bytes)
            << " would be needed without micro-batches";
  if (budget)
    std::cout << fmt::format(", {:.1f} x the budget",
                             static_cast<double>(report.whole_batch_planned_bytes) / static_cast<double>(budget));
  std::cout << std::endl;
}

void print_epoch(const EpochReport& epoch, std::int64_t epochs) {
  std::cout << fmt::format("epoch {}/{}  train loss {:.4f}  test accuracy {:.4f}  {:.1f} s  {:.0f} images/s",
                           epoch.epoch, epochs, epoch.train_loss, epoch.test_accuracy.value_or(0), epoch.seconds,
                           epoch.images_per_second)
            << (epoch.skipped ? fmt::format("  {} skipped", epoch.skipped) : "") << std::endl;
}

void print_result(const TrainerReport& report, const Plan& plan, bool interrupted) {
  const EpochReport* const last = report.epochs.empty() ? nullptr : &report.epochs.back();
  std::cout << fmt::format("{}: {} on {}, {} of {} in {:.1f} s, {:.0f} images/s", interrupted ? "interrupted" : "done",
                           report.model, report.dataset, counted(report.steps, "step"),
                           std::min(plan.batch, plan.samples), report.seconds, report.images_per_second());
  if (report.skipped)
    std::cout << ", " << counted(report.skipped, "logical batch", "logical batches") << " skipped: not finite";
  if (last && last->test_accuracy) std::cout << fmt::format(", test accuracy {:.4f}", *last->test_accuracy);
  if (const RecordedParts& parts = report.parts; parts.recorded + parts.refused > 0)
    std::cout << fmt::format("\ngraphs: {} replayed as CUDA graphs, {} could not be captured",
                             counted(parts.recorded, "part is", "parts are"), parts.refused);
  std::cout << "\nplan_hash " << plan.hash << "  weights_hash " << report.weights_hash << std::endl;
}

/// The files that these flags name.
std::vector<FileFlag> files_of(const TrainerFlags& flags) {
  std::vector<FileFlag> files{
      {.flag = "--json", .path = flags.json},
      {.flag = "--report", .path = flags.report, .use = FileFlag::Use::page},
      {.flag = "--trace", .path = flags.trace, .use = FileFlag::Use::page},
      {.flag = "--tuning", .path = flags.tuning, .use = flags.tune ? FileFlag::Use::state : FileFlag::Use::input}};
  for (FileFlag& figure : svg_files(flags.svg)) files.push_back(std::move(figure));
  return files;
}

ReportData page_of(const TrainerJob& job, const Optimizer& optimizer, const TrainerReport& report,
                   const Trainer& trainer) {
  const Plan& plan = trainer.plan();
  ReportData page{.model = report.model,
                  .dataset = report.dataset,
                  .details = trainer.plan_details(),
                  .memory = report.memory,
                  .whole_batch_bytes = report.whole_batch_planned_bytes,
                  .environment = environment_rows(plan.device, report.threads, date_now())};
  TrainerOptions options = trainer.options();
  options.tune = false;
  const StepPlanner planner(job.net, optimizer, job.step, job.train.spec(), options);
  page.what_if = other_budgets(planner, plan);
  page.waterfall = waterfall(planner, plan.micro_batch);
  return page;
}

/// Trains and tests until done or interrupted.
void run_epochs(const TrainerFlags& flags, const TrainerJob& job, Trainer& trainer, const StopOnSignal& interrupt,
                CheckpointFolder* checkpoints, TrainerReport& report) {
  ProgressBar bar(flags.epochs);
  if (!flags.quiet) trainer.on_progress([&](const Progress& progress) { bar.show(progress); });
  if (checkpoints) trainer.on_step([&] { checkpoints->after_step(trainer); });
  const TrainingState& state = trainer.training_state();
  const std::int64_t done = state.epoch + (state.position > 0 && state.position == state.samples ? 1 : 0);
  for (std::int64_t epoch = done + 1; epoch <= flags.epochs && !interrupt.happened(); ++epoch) {
    const Result trained = trainer.run_epoch(job.train);
    report.steps = trained.step;
    report.images += trained.samples;
    report.seconds += trained.seconds;
    report.skipped += trained.skipped;
    bar.clear();
    if (trained.stopped) return;
    report.epochs.push_back({.epoch = epoch,
                             .train_loss = trained.loss,
                             .seconds = trained.seconds,
                             .images_per_second = trained.images_per_second(),
                             .waited_s = trained.waited_s,
                             .skipped = trained.skipped});
    if (interrupt.happened()) return;
    const Result tested = trainer.evaluate(job.test);
    if (tested.stopped) return;
    report.epochs.back().test_accuracy = tested.metrics.at("accuracy");
    if (checkpoints) checkpoints->after_epoch(trainer, tested.metrics.at("accuracy"));
    if (!flags.quiet) print_epoch(report.epochs.back(), flags.epochs);
  }
}

}  // namespace

int run_trainer(const TrainerFlags& flags, const TrainerJob& job, Outputs& outputs) {
  const auto optimizer = make_optimizer(flags, job.train.spec().samples);
  const Device device = Device::parse(flags.device);
  Trainer trainer(job.net, *optimizer, job.step, job.train.spec(),
                  {.batch = flags.batch,
                   .micro_batch = flags.micro_batch,
                   .fastest = flags.fastest,
                   .budget = flags.budget,
                   .device = device,
                   .threads = flags.threads,
                   .precision = flags.precision,
                   .seed = flags.seed,
                   .drop_last = flags.drop_last,
                   .on_non_finite = flags.on_non_finite,
                   .evaluation = job.test.spec(),
                   .verify_memory = flags.verify_memory,
                   .poison = poison_byte(),
                   .tuning = flags.tuning,
                   .tune = flags.tune,
                   .record = flags.record,
                   .recompute = flags.planner.recompute,
                   .passes = flags.planner.passes});
  TrainerReport report{.model = job.model,
                       .dataset = job.dataset,
                       .weights_hash = {},
                       .threads = trainer.options().threads,
                       .whole_batch_planned_bytes = trainer.whole_batch_planned_bytes()};
  if (!flags.quiet || flags.plan_only) print_plan(trainer, report);

  std::optional<CheckpointFolder> checkpoints;
  if (!flags.plan_only && !flags.checkpoint.folder.empty()) checkpoints.emplace(flags.checkpoint);
  CheckpointFolder* const folder = checkpoints ? &*checkpoints : nullptr;
  if (!flags.plan_only && flags.checkpoint.resume) resume(trainer, flags.checkpoint, folder);

  if (!flags.trace.empty()) trainer.record_times(flags.trace_steps);
  const StopOnSignal interrupt(trainer);
  std::exception_ptr failure;  // thrown on after the outputs, which hold the epochs before it
  if (!flags.plan_only) try {
      run_epochs(flags, job, trainer, interrupt, folder, report);
      if (folder) folder->save(trainer);
      report.memory = trainer.memory_report();
      report.parts = trainer.recorded_parts();
      report.weights_hash = trainer.weights_hash();
      if (!flags.quiet) std::cout << *report.memory;
      print_result(report, trainer.plan(), interrupt.happened());
    } catch (const std::exception& error) {
      failure = std::current_exception();
      report.error = message_of(error);
    }
  outputs.write("--json", [&] { return to_json(report, flags, trainer.plan()); });
  std::optional<ReportData> page;
  const auto the_page = [&]() -> const ReportData& {
    if (!page) page = page_of(job, *optimizer, report, trainer);
    return *page;
  };
  outputs.write("--report", [&] { return report_html(the_page()); });
  write_figures(outputs, the_page);
  outputs.write("--trace", [&] { return trace_json(trainer.plan_details(), trainer.kernel_times()); });
  if (failure) std::rethrow_exception(failure);
  return outputs.exit_code(interrupt.exit_code());
}

int trainer_main(int argc, const char* const* argv, const std::string& about, TrainerFlags defaults,
                 const TrainerBody& body) {
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  return checked_main(program, [&] {
    if (const auto code = parse_trainer_flags(argc, argv, about, defaults)) return *code;
    std::optional<Outputs> outputs;
    try {
      outputs.emplace(program, files_of(defaults));
      if (!defaults.plan_only && !defaults.checkpoint.folder.empty()) const CheckpointFolder trial(defaults.checkpoint);
    } catch (const UsageError& error) {
      std::cerr << program << ": " << error.what() << '\n';
      return 2;
    }
    Device::parse(defaults.device).backend();  // before minutes go into anything else
    return body(defaults, *outputs);
  });
}

}  // namespace sluice::samples
