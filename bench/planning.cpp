// How long planning takes: from the user's function to offsets, and what each part of that takes.
//
//   ./dev bench --planning
//
// Prints the table of docs/planning.md. "First" is the first planning of the process, which also meets cold caches and
// the libraries' own beginnings. Everything else is the median over rounds, with the least of the whole beside it: on a
// machine that others use, that is the one to trust. Ordering and packing are run once more by themselves on what the
// planner gave them; lowering is what remains. Packing includes looking longer where the lower bound was missed.

#include <algorithm>
#include <iostream>
#include <limits>
#include <vector>

#include <fmt/format.h>
#include <sluice/mbp/plan/arrange.h>
#include <sluice/mbp/plan/make_run_plan.h>
#include <sluice/mbp/plan/pack_lifetimes.h>
#include <sluice/mbp/plan/refine_plan.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/sluice.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"
#include "common/spin_briefly.h"
#include "models/catalog.h"
#include "support/machine.h"
#include "support/nets.h"
#include "support/statistics.h"

namespace {

using namespace sluice;
using namespace sluice::samples;
using bench::median;

/// Milliseconds that `body` takes.
template <class Body>
double ms_of(Body body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return 1e3 * bench::seconds_since(start);
}

/// Milliseconds of one planning and of its parts.
struct Times {
  double whole = 0, trace = 0, differentiate = 0, lower = 0, order = 0, pack = 0;
};

class Planned {
 public:
  Planned(const std::string& model, std::int64_t batch, std::int64_t micro_batch)
      : setup_(set_up_model(model)),
        batch_(batch),
        micro_batch_(micro_batch) {
    name_modules(*setup_.net);
  }

  Times times() {
    Times t;
    Trace training, evaluation;
    t.trace = ms_of([&] {
      training = trace(*setup_.net, setup_.step, setup_.data);
      evaluation = trace_evaluation(*setup_.net, setup_.step, setup_.data);
    });
    t.differentiate = ms_of([&] {
      const Backend& cpu = Device::cpu().backend();
      training_ = make_training_graph(std::move(training), sgd_, cpu, /*fold=*/true, /*keep_gradients=*/false);
      evaluation_ = make_evaluation_graph(std::move(evaluation), cpu);
    });
    std::unique_ptr<RunPlan> plan;
    const double planned = ms_of([&] { plan = make_run_plan(request({})); });
    const double packed = pack_ms(*plan), tighter = ms_of([&] { pack_tighter(*plan, request({})); });
    t.whole = t.trace + t.differentiate + planned + tighter;
    t.order = order_ms(*make_run_plan(request({.order = false})));
    t.pack = packed + tighter;
    t.lower = planned - t.order - packed;
    return t;
  }

 private:
  RunPlanRequest request(const PlannerPasses& passes) const {
    RunPlanRequest request;
    request.training = &training_;
    request.evaluation = &evaluation_;
    request.data = &setup_.data;
    request.batch = batch_;
    request.micro_batch = micro_batch_;
    request.evaluation_samples = setup_.data.samples;
    request.caps.bytes = std::numeric_limits<std::size_t>::max();
    request.passes = passes;
    request.backend = &Device::cpu().backend();
    return request;
  }

  /// Of the parts of a plan whose order is the model's. As in the planner, the largest micro-batch comes first.
  static double order_ms(RunPlan& plan) {
    const ArrangeOptions options{.rates = Device::cpu().backend().rates()};
    double ms = 0;
    for (Program* program : {&plan.train, &plan.evaluate, &plan.predict}) {
      std::vector<KnownOrders> known(program->cut.stages.size());
      for (auto parts = program->replayed.rbegin(); parts != program->replayed.rend(); ++parts)
        for (std::size_t stage = 0; stage < known.size(); ++stage)
          ms += ms_of([&] { arranged(parts->second[stage].part, options, known[stage]); });
    }
    return ms;
  }

  /// In the planner's order: no part needs to be packed more tightly than the largest so far.
  static double pack_ms(RunPlan& plan) {
    std::size_t arena_bytes = 0;
    double ms = 0;
    const auto pack_again = [&](const PackedPart& packed) {
      ms += ms_of([&] {
        const Packing again = pack(packed.lifetimes, {.capacity_bytes = arena_bytes});
        arena_bytes = std::max(arena_bytes, again.peak_bytes);
      });
    };
    for (Program* program : {&plan.train, &plan.evaluate, &plan.predict}) {
      program->for_each_part([&](const PackedPart& packed) {
        if (packed.part.micro_batch == 0) pack_again(packed);
      });
      for (auto parts = program->replayed.rbegin(); parts != program->replayed.rend(); ++parts)
        for (const PackedPart& packed : parts->second) pack_again(packed);
    }
    return ms;
  }

  ModelSetup setup_;
  Sgd sgd_{SgdOptions{.lr = 0.1, .momentum = 0.9}};
  std::int64_t batch_, micro_batch_;
  StepGraph training_, evaluation_;
};

void measure(const std::string& model, std::int64_t batch, std::int64_t micro_batch, int rounds) {
  Planned planned(model, batch, micro_batch);
  const double first = planned.times().whole;
  std::vector<Times> times;
  for (int round = 0; round < rounds; ++round) times.push_back(planned.times());
  const auto middle = [&](double Times::*part) {
    std::vector<double> values;
    for (const Times& t : times) values.push_back(t.*part);
    return median(values);
  };
  double least = times[0].whole;
  for (const Times& t : times) least = std::min(least, t.whole);
  const double whole = middle(&Times::whole), pack = middle(&Times::pack);
  std::cout << fmt::format(
      "| {} | {} | {:.0f} | {:.0f} | {:.0f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} % |\n", model,
      micro_batch, first, whole, least, middle(&Times::trace), middle(&Times::differentiate), middle(&Times::lower),
      middle(&Times::order), pack, 100 * pack / whole);
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("How long planning takes.", "bench_planning");
  add_help_and_version(app, "bench_planning");
  int rounds = 15;
  std::int64_t batch = 256, micro_batch = 32;
  std::vector<std::string> models{"resnet50", "resnet18_cifar", "vgg16", "unet", "fashion_cnn"};
  app.add_option("--rounds", rounds, "plannings after the first")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--batch", batch, "logical batch")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--micro-batch", micro_batch, "samples per replay")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--models", models, "what is planned")->delimiter(',')->capture_default_str();
  try {
    app.parse(argc, argv);
    std::cout << fmt::format(
        "{}, batch {}, {} rounds; milliseconds\n\n"
        "| model | micro-batch | first | whole | least | trace | differentiate | lower | order | pack | pack's share "
        "|\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n",
        bench::cpu_model(), batch, rounds);
    for (const std::string& model : models) measure(model, batch, std::min(batch, micro_batch), rounds);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, "bench_planning", error);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::samples::spin_briefly(argv);
  return sluice::samples::checked_main("bench_planning", [&] { return parse_and_run(argc, argv); });
}
