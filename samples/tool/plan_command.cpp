#include "tool/plan_command.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/open_cuda.h>
#include <sluice/mbp/plan/run_settings.h>
#include <sluice/mbp/train/checks.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/sgd.h>

#include "common/flag_parsers.h"
#include "common/outputs.h"
#include "common/plan_alternatives.h"
#include "common/svg_output.h"
#include "models/catalog.h"
#include "tool/buffers_csv.h"
#include "tool/plan_layers.h"
#include "tool/plan_survey.h"

namespace sluice::samples {
namespace {

struct PlanFlags {
  std::string model;
  std::optional<Shape> input = {};
  std::optional<std::int64_t> classes = {};
  std::int64_t batch = 256, samples = 50000, micro_batch = 0;
  bool fastest = false, drop_last = false;
  std::vector<std::size_t> budgets = {0};  ///< 0: none
  std::string optimizer = "sgd", device = {}, gpu = {};
  Precision precision = Precision::automatic;
  int threads = 0;
  bool exact_bn = false, sweep = false, waterfall = false, layers = false, quiet = false;
  PlannerFlags planner = {};
  std::string tuning, json, csv, buffers, report, svg;
};

/// "3x224x224".
Shape parse_input(const std::string& text) {
  std::vector<std::int64_t> dims;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t extent = 0;
    const auto [last, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || extent < 1) break;
    dims.push_back(extent);
    if (last == end && dims.size() == 3) return Shape{dims[0], dims[1], dims[2]};
    if (last == end || *last != 'x') break;
    at = last + 1;
  }
  throw CLI::ValidationError(fmt::format("got '{}'; expected channels x height x width, as 3x224x224", text));
}

std::vector<std::size_t> parse_budgets(const std::string& text) {
  std::vector<std::size_t> budgets;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    budgets.push_back(parse_budget(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return budgets;
}

std::string model_names() {
  std::string names;
  for (const CatalogModel& model : catalog()) names += (names.empty() ? "" : ", ") + model.name;
  return names;
}

void declare_flags(CLI::App& app, PlanFlags& f) {
  add(app, "--model", "NAME", "what would be trained: " + model_names(), [&](const std::string& s) {
    try {
      f.model = find_model(s).name;
    } catch (const UsageError& error) {
      throw CLI::ValidationError(error.what());
    }
  });
  add(app, "--input", "CxHxW", "image of a sample [the model's]",
      [&](const std::string& s) { f.input = parse_input(s); });
  add(app, "--classes", "N", "logits of a sample [the model's]",
      [&](const std::string& s) { f.classes = parse_whole<std::int64_t>(s, 1); });
  add(app, "--batch", "N", fmt::format("logical batch: samples per update [{}]", f.batch),
      [&](const std::string& s) { f.batch = parse_whole<std::int64_t>(s, 1); });
  add(app, "--samples", "N", fmt::format("of the data set; its last batch may be smaller [{}]", f.samples),
      [&](const std::string& s) { f.samples = parse_whole<std::int64_t>(s, 1); });
  app.add_flag("--drop-last", f.drop_last, "leave out the data set's last batch where it is smaller");
  add(app, "--budget", "SIZE,...|none", "bytes the framework may take, a row for each: 1GiB,2GiB [none]",
      [&](const std::string& s) { f.budgets = parse_budgets(s); });
  add_micro_batch(app, f.micro_batch, f.fastest);
  add(app, "--optimizer", "NAME", "sgd (with momentum), adam or adamw [sgd]", [&](const std::string& s) {
    f.optimizer = parse_choice(s, {"sgd", "adam", "adamw"});
  });
  add(app, "--device", "cpu|cuda", "where to compute [cpu]", [&](const std::string& s) { f.device = parse_device(s); });
  add(app, "--gpu", "FILE", "plan for the GPU with these properties (see gpus/), which need not be here; implies cuda",
      [&](const std::string& s) { f.gpu = parse_state_name(s); });
  add(app, "--precision", "fp32|tf32|strict",
      "of convolutions and matrix products; strict: fp32 without Winograd [tf32 on GPUs that have it, else fp32]",
      [&](const std::string& s) { f.precision = parse_precision(s); });
  add(app, "--threads", "N", "of the cpu device; 0: OMP_NUM_THREADS, or all cores it may use [0]",
      [&](const std::string& s) { f.threads = parse_threads(s); });
  add(app, "--bn", "local|exact", "BatchNorm over each micro-batch or over the logical batch [local]",
      [&](const std::string& s) {
        f.exact_bn = parse_choice(s, {"local", "exact"}) == "exact";
      });
  add(app, "--tuning", "FILE", "choose algorithms by the times that a trainer's --tune wrote",
      [&](const std::string& s) { f.tuning = parse_state_name(s); });
  add_planner_flags(app, f.planner);
  app.add_flag("--waterfall", f.waterfall, "also what each pass of the planner saves");
  app.add_flag("--sweep", f.sweep, "also a grid of micro-batches and batches, without a budget");
  app.add_flag("--layers", f.layers, "also the algorithm and workspace of every layer, for the last plan that fits");
  add(app, "--json", "FILE", "write everything as JSON; - for standard output",
      [&](const std::string& s) { f.json = parse_file_name(s); });
  add(app, "--csv", "FILE", "write the rows as CSV; - for standard output",
      [&](const std::string& s) { f.csv = parse_file_name(s); });
  add(app, "--buffers", "FILE",
      "write the buffers of the replay that decides the arena of the last plan that fits, as sluice pack reads them; "
      "- for standard output",
      [&](const std::string& s) { f.buffers = parse_file_name(s); });
  add(app, "--report", "FILE",
      "write a page (HTML) that shows the last plan that fits, byte by byte; - for standard output",
      [&](const std::string& s) { f.report = parse_file_name(s); });
  add_svg(app, f.svg);
}

constexpr const char* no_plan = "there is no plan to show; no budget is large enough";

std::unique_ptr<Optimizer> make_optimizer(const PlanFlags& flags) {
  if (flags.optimizer == "sgd") return std::make_unique<Sgd>(SgdOptions{.lr = 0.1, .momentum = 0.9});
  return std::make_unique<Adam>(AdamOptions{.decoupled = flags.optimizer == "adamw"});
}

/// Opens the device that the flags ask for.
Device open_device(const PlanFlags& flags) {
  if (!flags.gpu.empty() && !flags.device.empty() && flags.device != "cuda")
    throw UsageError("--gpu: got it with --device " + flags.device + "; expected cuda, or no --device");
  if (!flags.gpu.empty()) plan_for_gpu(flags.gpu);
  const Device device = flags.gpu.empty() ? Device::parse(flags.device.empty() ? "cpu" : flags.device) : Device::cuda();
  return device;
}

ReportData page_of(const PlanFlags& flags, const PlanSurvey& survey, const StepPlanner& planner, int threads) {
  const auto last = std::find_if(survey.rows.rbegin(), survey.rows.rend(), [](const BudgetRow& r) { return r.plan; });
  if (last == survey.rows.rend()) throw OutOfMemory(no_plan);
  ReportData page{.model = flags.model,
                  .details = make_plan_details(*last->plan, planner.training(), nullptr),
                  .whole_batch_bytes = survey.whole_batch_bytes,
                  .waterfall = survey.waterfall,
                  .environment = environment_rows(last->summary().device, threads, date_now())};
  for (const BudgetRow& row : survey.rows)
    if (row.plan) page.what_if.push_back(what_if_row(row.summary(), row.budget_bytes, &row == &*last));
  if (survey.rows.size() == 1) page.what_if = other_budgets(planner, last->summary());
  return page;
}

int run_on(const Device& device, const PlanFlags& flags, Outputs& outputs) {
  const ModelSetup setup =
      set_up_model(flags.model, {.input = flags.input,
                                 .classes = flags.classes,
                                 .batch_norm = flags.exact_bn ? BatchNormMode::exact : BatchNormMode::local,
                                 .samples = flags.samples});
  const auto optimizer = make_optimizer(flags);
  const StepPlanner planner(*setup.net, *optimizer, setup.step, setup.data,
                            {.batch = flags.batch,
                             .micro_batch = flags.micro_batch,
                             .fastest = flags.fastest,
                             .device = device,
                             .precision = flags.precision,
                             .drop_last = flags.drop_last,
                             .tuning = flags.tuning,
                             .recompute = flags.planner.recompute,
                             .passes = flags.planner.passes});
  std::vector<std::size_t> budgets = flags.budgets;
  for (std::size_t& budget : budgets) budget = budget_on(device.backend(), budget, {.what = "plan", .type = "plan"});
  PlanSurvey found = survey(planner, flags.micro_batch, budgets);
  const auto fits = [](const BudgetRow& row) { return row.plan != nullptr; };
  const auto last = std::find_if(found.rows.rbegin(), found.rows.rend(), fits);  // the one that --report shows
  if (flags.waterfall)
    found.waterfall = waterfall(planner, last != found.rows.rend() ? last->summary().micro_batch : 1);
  if (flags.sweep) found.sweep = sweep(planner);
  if (last != found.rows.rend()) found.layers = layer_rows(*last->plan);

  std::cout << fmt::format("{}, batch {} of {} samples, {}, {}\n", flags.model, flags.batch,
                           setup.data.fields[0].shape.str(), flags.optimizer, device.backend().description())
            << survey_text(found);
  // Workspaces are what one asks a GPU's plan for.
  if (flags.layers || device == Device::cuda()) std::cout << layers_text(found.layers, flags.layers ? SIZE_MAX : 10);
  outputs.write("--json", [&] { return survey_json(found); });
  outputs.write("--csv", [&] { return survey_csv(found); });
  outputs.write("--buffers", [&] {
    if (last == found.rows.rend()) throw OutOfMemory(no_plan);
    return buffers_csv(make_plan_details(*last->plan, planner.training(), nullptr));
  });
  std::optional<ReportData> page;
  const auto the_page = [&]() -> const ReportData& {
    if (!page) page = page_of(flags, found, planner, device.backend().threads());
    return *page;
  };
  outputs.write("--report", [&] { return report_html(the_page()); });
  write_figures(outputs, the_page);
  return outputs.exit_code(last == found.rows.rend() ? 1 : 0);
}

int run(const PlanFlags& flags) {
  if (flags.model.empty()) throw UsageError("--model is missing; expected one of " + model_names());
  if (flags.micro_batch > flags.batch)
    throw UsageError(fmt::format("--micro-batch: got {}; expected at most the logical batch, --batch {}",
                                 flags.micro_batch, flags.batch));
  std::vector<FileFlag> files{{.flag = "--json", .path = flags.json},
                              {.flag = "--csv", .path = flags.csv},
                              {.flag = "--buffers", .path = flags.buffers},
                              {.flag = "--report", .path = flags.report, .use = FileFlag::Use::page},
                              {.flag = "--tuning", .path = flags.tuning, .use = FileFlag::Use::input},
                              {.flag = "--gpu", .path = flags.gpu, .use = FileFlag::Use::input}};
  for (FileFlag& figure : svg_files(flags.svg)) files.push_back(std::move(figure));
  Outputs outputs("sluice plan", std::move(files));
  const Device device = open_device(flags);
  const DeviceRun planning(device.backend(), flags.precision);
  return with_run_settings(planning, flags.threads, [&] { return run_on(device, flags, outputs); });
}

}  // namespace

Command plan_command() {
  return {.name = "plan",
          .about = "What training a model would take, for one budget or several, without taking it",
          .declare = [](CLI::App& app) {
            const auto flags = std::make_shared<PlanFlags>();
            declare_flags(app, *flags);
            return [flags] { return run(*flags); };
          }};
}

}  // namespace sluice::samples
