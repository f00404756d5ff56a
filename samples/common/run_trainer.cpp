#include "common/run_trainer.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/write_file.h>
#include <sluice/mbp/byte_size.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>

#include "common/plan_alternatives.h"
#include "common/progress_bar.h"
#include "common/report.h"
#include "common/trace_file.h"
#include "common/trainer_report.h"

namespace sluice::samples {
namespace {

std::atomic<Trainer*> trainer_to_stop = nullptr;
std::atomic<bool> was_interrupted = false;
static_assert(std::atomic<Trainer*>::is_always_lock_free);  // what a signal handler may use

extern "C" void on_interrupt(int) {
  was_interrupted = true;
  if (Trainer* const trainer = trainer_to_stop) trainer->stop();
}

/// While it lives, the first Ctrl-C asks `trainer` to stop; a second one ends the process.
class StopOnInterrupt {
 public:
  explicit StopOnInterrupt(Trainer& trainer) {
    trainer_to_stop = &trainer;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~StopOnInterrupt() {
    sigaction(SIGINT, &before_, nullptr);
    trainer_to_stop = nullptr;
  }
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

  bool happened() const { return was_interrupted; }

 private:
  struct sigaction before_ {};
};

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
  std::cout << fmt::format("epoch {}/{}  loss {:.4f}  test accuracy {:.4f}  {:.1f} s  {:.0f} images/s", epoch.epoch,
                           epochs, epoch.train_loss, epoch.test_accuracy.value_or(0), epoch.seconds,
                           epoch.images_per_second)
            << (epoch.skipped ? fmt::format("  {} skipped", epoch.skipped) : "") << std::endl;
}

void print_result(const TrainerReport& report, const Plan& plan, bool interrupted) {
  const EpochReport* const last = report.epochs.empty() ? nullptr : &report.epochs.back();
  std::cout << fmt::format("{}: {} on {}, {} steps of {} in {:.1f} s, {:.0f} images/s",
                           interrupted ? "interrupted" : "done", report.model, report.dataset, report.steps,
                           std::min(plan.batch, plan.samples), report.seconds, report.images_per_second());
  if (report.skipped)
    std::cout << fmt::format(", {} logical batch{} skipped: not finite", report.skipped,
                             report.skipped == 1 ? "" : "es");
  if (last && last->test_accuracy) std::cout << fmt::format(", test accuracy {:.4f}", *last->test_accuracy);
  if (const RecordedParts& parts = report.parts; parts.recorded + parts.refused > 0)
    std::cout << fmt::format("\ngraphs: {} parts are replayed as CUDA graphs, {} could not be captured", parts.recorded,
                             parts.refused);
  std::cout << "\nplan_hash " << plan.hash << "  weights_hash " << report.weights_hash << std::endl;
}

/// The files that these flags ask for, with the flags' names.
std::vector<std::pair<const char*, std::string>> files_to_write(const TrainerFlags& flags) {
  std::vector<std::pair<const char*, std::string>> files;
  if (!flags.json.empty()) files.emplace_back("--json", flags.json);
  if (!flags.report.empty()) files.emplace_back("--report", flags.report);
  if (!flags.trace.empty()) files.emplace_back("--trace", flags.trace);
  if (flags.tune) files.emplace_back("--tuning", flags.tuning);
  return files;
}

void write_page(const TrainerFlags& flags, const TrainerJob& job, const Optimizer& optimizer,
                const TrainerReport& report, const Trainer& trainer) {
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
  write_report(flags.report, page);
}

/// Trains and tests until done or interrupted.
void run_epochs(const TrainerFlags& flags, const TrainerJob& job, Trainer& trainer, const StopOnInterrupt& interrupt,
                TrainerReport& report) {
  ProgressBar bar(flags.epochs);
  if (!flags.quiet) trainer.on_progress([&](const Progress& progress) { bar.show(progress); });
  for (std::int64_t epoch = 1; epoch <= flags.epochs && !interrupt.happened(); ++epoch) {
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
    if (!flags.quiet) print_epoch(report.epochs.back(), flags.epochs);
  }
}

}  // namespace

int run_trainer(const TrainerFlags& flags, const TrainerJob& job) {
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
                       .threads = device.backend().threads(),
                       .whole_batch_planned_bytes = trainer.whole_batch_planned_bytes()};
  if (!flags.quiet || flags.plan_only) print_plan(trainer, report);

  if (!flags.trace.empty()) trainer.record_times(flags.trace_steps);
  const StopOnInterrupt interrupt(trainer);
  if (!flags.plan_only) {
    run_epochs(flags, job, trainer, interrupt, report);
    report.memory = trainer.memory_report();
    report.parts = trainer.recorded_parts();
    report.weights_hash = trainer.weights_hash();
    if (!flags.quiet) std::cout << *report.memory;
    print_result(report, trainer.plan(), interrupt.happened());
  }
  if (!flags.trace.empty()) write_whole(flags.trace, trace_json(trainer.plan_details(), trainer.kernel_times()));
  if (!flags.report.empty()) write_page(flags, job, *optimizer, report, trainer);
  if (!flags.json.empty()) write_whole(flags.json, to_json(report, flags, trainer.plan()));
  return interrupt.happened() ? 130 : 0;
}

int trainer_main(int argc, const char* const* argv, const std::string& about, TrainerFlags defaults,
                 const std::function<int(const TrainerFlags& flags)>& body) {
  if (const auto code = parse_trainer_flags(argc, argv, about, defaults)) return *code;
  const auto fail = [&](const std::exception& error, int code) {
    std::cout << std::flush;
    std::cerr << std::filesystem::path(argv[0]).filename().string() << ": " << error.what() << '\n';
    return code;
  };
  for (const auto& [flag, file] : files_to_write(defaults)) {
    try {
      require_writable(file);
    } catch (const UsageError& error) {
      return fail(UsageError(std::string(flag) + ": " + error.what()), 2);
    }
  }
  try {
    Device::parse(defaults.device).backend();  // before minutes go into anything else
    return body(defaults);
  } catch (const std::exception& error) {
    return fail(error, 1);
  }
}

}  // namespace sluice::samples
