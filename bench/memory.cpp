// What recomputation saves and costs: bytes of the arena for one sample more, beside what PyTorch keeps, and the time
// of a training step, without recomputation, for --recompute cheap, and for --recompute auto under budgets.
//
//   ./dev bench --memory
//
// Prints the tables of docs/planning.md. The modes take turns, so that a machine that others use slows all of them
// down alike; times are medians. PyTorch's bytes are what it keeps for the backward pass of one sample
// (bench/README.md).

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <sluice/mbp/plan/step_planner.h>
#include <sluice/sluice.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"
#include "common/spin_briefly.h"
#include "models/catalog.h"
#include "support/statistics.h"

namespace {

using namespace sluice;
using namespace sluice::samples;

constexpr double mib = 1 << 20;

struct Subject {
  const char* model;
  std::int64_t few, many;      ///< micro-batches between which the slope is taken; steps are timed with `many`
  double peer_mib;             ///< what PyTorch 1.13 keeps of a sample
  std::vector<double> shares;  ///< of that, for the budgets
};

struct Mode {
  std::string name;
  Recompute recompute = Recompute::none;
  double share = 0;                 ///< > 0: the budget gives the arena so much of the peer's bytes a sample,
  std::size_t workspace_bytes = 0;  ///< and so much room for workspaces, whatever the micro-batch
};

/// A model, its data and a trainer with one micro-batch a step.
class Run {
 public:
  Run(const Subject& subject, std::int64_t samples, const Mode& mode)
      : setup_(set_up_model(subject.model, {.samples = samples, .image = DType::f32})) {
    TrainerOptions options{
        .batch = samples, .micro_batch = samples, .device = Device::cpu(), .recompute = mode.recompute};
    if (mode.share > 0) options.budget = budget(subject, samples, mode, options);
    trainer_.emplace(*setup_.net, sgd_, setup_.step, setup_.data, options);
  }

  const Plan& plan() const { return trainer_->plan(); }

  double step_ms() {
    if (!data_) data_.emplace(make_data());
    const auto start = std::chrono::steady_clock::now();
    trainer_->step(*data_);
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  std::size_t budget(const Subject& subject, std::int64_t samples, const Mode& mode, const TrainerOptions& options) {
    const StepPlanner planner(*setup_.net, sgd_, setup_.step, setup_.data, options);
    const Plan smallest = planner.plan({.micro_batch = samples}, 0)->summary;
    const double arena = mode.share * subject.peer_mib * mib * static_cast<double>(samples);
    return smallest.planned_peak_bytes() - smallest.arena_bytes + mode.workspace_bytes +
           static_cast<std::size_t>(arena);
  }

  TensorDataset make_data() const {
    std::vector<TensorDataset::Field> fields;
    for (const FieldSpec& spec : setup_.data.fields) {
      Tensor values(spec.shape.with_leading(setup_.data.samples), spec.dtype);
      if (spec.dtype == DType::f32)
        for (std::size_t i = 0; float& v : values.values<float>())
          v = static_cast<float>(i++ * 2654435761u % 1000) / 500 - 1;
      fields.emplace_back(spec.name, values);
    }
    return TensorDataset("made-up", std::move(fields));
  }

  ModelSetup setup_;
  Sgd sgd_{SgdOptions{.lr = 1e-4, .momentum = 0.9}};
  std::optional<Trainer> trainer_;
  std::optional<TensorDataset> data_;
};

void measure(const Subject& subject, int rounds) {
  std::vector<Mode> modes{{.name = "none"}, {.name = "cheap", .recompute = Recompute::cheap}};
  const std::size_t workspace_bytes = Run(subject, subject.many, modes[0]).plan().workspace_bytes;
  for (const double share : subject.shares)
    modes.push_back({.name = fmt::format("auto, {:.2f}", share),
                     .recompute = Recompute::automatic,
                     .share = share,
                     .workspace_bytes = workspace_bytes});

  std::vector<std::unique_ptr<Run>> runs;
  std::vector<std::vector<double>> times(modes.size());
  for (const Mode& mode : modes) runs.push_back(std::make_unique<Run>(subject, subject.many, mode));
  for (int round = -1; round < rounds; ++round)
    for (std::size_t i = 0; i < modes.size(); ++i)
      if (const double ms = runs[i]->step_ms(); round >= 0) times[i].push_back(ms);

  std::cout << fmt::format(
      "\n{}: arenas of micro-batches of {} and {}; PyTorch keeps {} MiB a sample\n\n"
      "| --recompute | arena, MiB | a sample more, MiB | of PyTorch's | recomputed | step, ms | of none's | predicted "
      "|\n"
      "|---|---|---|---|---|---|---|---|\n",
      subject.model, subject.few, subject.many, subject.peer_mib);
  const double base = bench::median(times[0]), base_s = runs[0]->plan().predicted_step_s;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    // Slopes of plans with the smallest workspaces where there is no budget: those of fast algorithms jump.
    const Plan& many = runs[i]->plan();
    const Plan few = Run(subject, subject.few, modes[i]).plan();
    const auto arena = [&](const Plan& plan, std::int64_t samples) {
      if (modes[i].share > 0) return static_cast<double>(plan.arena_bytes);
      const ModelSetup setup = set_up_model(subject.model, {.samples = samples});
      const Sgd sgd({.lr = 1e-4, .momentum = 0.9});
      const StepPlanner planner(*setup.net, sgd, setup.step, setup.data, {.batch = samples, .device = Device::cpu()});
      const PlanChoice choice{.micro_batch = samples, .recompute = modes[i].recompute};
      return static_cast<double>(planner.plan(choice, 0)->summary.arena_bytes);
    };
    const double slope =
        (arena(many, subject.many) - arena(few, subject.few)) / mib / static_cast<double>(subject.many - subject.few);
    const double ms = bench::median(times[i]);
    std::cout << fmt::format("| {} | {:.1f} | {:.2f} | {:.3f} | {} | {:.0f} | {:.3f} | {:.3f} |\n", modes[i].name,
                             static_cast<double>(many.arena_bytes) / mib, slope, slope / subject.peer_mib,
                             many.recomputed, ms, ms / base, many.predicted_step_s / base_s);
  }
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("Arena bytes and step times by --recompute.", "bench_memory");
  add_help_and_version(app, "bench_memory");
  int rounds = 7, threads = 0;
  app.add_option("--rounds", rounds, "steps timed of every mode")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "0: all cores")->capture_default_str()->check(CLI::NonNegativeNumber);
  try {
    app.parse(argc, argv);
    Device::cpu().backend().with_threads(threads, [&] {
      std::cout << Device::cpu().backend().description() << ", " << rounds << " rounds\n";
      measure({.model = "resnet18_cifar", .few = 64, .many = 128, .peer_mib = 4.49, .shares = {0.35, 0.30, 0.25}},
              rounds);
      measure({.model = "resnet50", .few = 16, .many = 32, .peer_mib = 82.0, .shares = {0.35, 0.25, 0.20}}, rounds);
    });
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, "bench_memory", error);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::samples::spin_briefly(argv);
  return sluice::samples::checked_main("bench_memory", [&] { return parse_and_run(argc, argv); });
}
