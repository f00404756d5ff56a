// Measures training with Sluice beside PyTorch, and what micro-batches cost in time and memory:
//
//   ./dev bench [--json FILE] [--require-peer] [--figures NAME,...] [--rounds N] [--threads N] [--quick]
//               [--device cpu|cuda] [--precision fp32|tf32|strict]
//
// Prints every round, then a table. bench/README.md says what the figures mean and how noise is treated.

#include <algorithm>
#include <iostream>
#include <optional>

#include <fmt/format.h>
#include <sluice/core/device_run.h>
#include <sluice/core/host_memory.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"
#include "common/outputs.h"
#include "common/spin_briefly.h"
#include "support/figures.h"
#include "support/machine.h"

using namespace sluice;
using namespace sluice::bench;

namespace {

const std::string program = "bench_training";

const std::vector<std::string> figure_names = {"train_resnet18_cifar_mb64",
                                               "train_fashion_cnn_mb64",
                                               "mbp_overhead_resnet18_cifar",
                                               "mbp_overhead_fashion_cnn",
                                               "step_loop_overhead",
                                               "arena_over_bound",
                                               "machine"};

/// Of these, what is measured without looking into the CPU's kernels.
const std::vector<std::string> any_device_figures = {"train_resnet18_cifar_mb64", "train_fashion_cnn_mb64",
                                                     "step_loop_overhead", "arena_over_bound"};

struct Flags {
  std::vector<std::string> figures = {};  ///< empty: all
  std::string json = {}, markdown = {};
  bool require_peer = false, no_peer = false;
  FigureOptions options = {};

  bool wants(const std::string& figure) const {
    if (figures.empty()) return measurable(figure);
    return std::any_of(figures.begin(), figures.end(), [&](const std::string& asked) {
      return asked == figure || (asked == "mbp_overhead" && figure.starts_with("mbp_overhead_"));
    });
  }
  bool measurable(const std::string& figure) const {
    return options.where.device == Device::cpu() ||
           std::find(any_device_figures.begin(), any_device_figures.end(), figure) != any_device_figures.end();
  }
  bool wants_peer() const { return wants(figure_names[0]) || wants(figure_names[1]); }
};

void describe(CLI::App& app, Flags& flags) {
  std::vector<std::string> known = figure_names;
  known.emplace_back("mbp_overhead");
  samples::add_help_and_version(app, program);
  app.add_option("--figures", flags.figures,
                 "only these, comma-separated: " + fmt::format("{}", fmt::join(known, ", ")))
      ->delimiter(',')
      ->type_name("NAME")
      ->check(CLI::IsMember(known).description(""));
  samples::add(app, "--json", "FILE", "write the figures as one JSON object; - for standard output",
               [&](const std::string& s) { flags.json = samples::parse_file_name(s); });
  samples::add(app, "--markdown", "FILE", "write the figures as a table of Markdown; - for standard output",
               [&](const std::string& s) { flags.markdown = samples::parse_file_name(s); });
  app.add_flag("--require-peer", flags.require_peer, "fail when there is no PyTorch to compare with");
  app.add_flag("--no-peer", flags.no_peer, "do not look for PyTorch")->excludes("--require-peer");
  app.add_option("--rounds", flags.options.rounds, "rounds of every figure [as many as it needs]")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""));
  app.add_option("--threads", flags.options.where.threads, "of Sluice and of the peer; 0: all cores [0]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  Where& where = flags.options.where;
  samples::add(app, "--device", "NAME", "cpu, cuda or cuda:<index>; the peer's too [cpu]",
               [&](const std::string& s) { where.device = Device::parse(samples::parse_device(s)); });
  samples::add(app, "--precision", "fp32|tf32|strict",
               "of convolutions and matrix products; strict: fp32 without Winograd [tf32 where a device has it]",
               [&](const std::string& s) { where.precision = samples::parse_precision(s); });
  app.add_flag("--quick", flags.options.quick, "one short round each: shows that everything works, measures nothing");
}

/// Throws UsageError for a figure that the device cannot give.
void check(const Flags& flags) {
  for (const std::string& figure : flags.figures)
    if (!flags.measurable(figure))
      throw UsageError("--figures: " + figure + " is measured on the CPU only; got --device " +
                       flags.options.where.device.str() + "; expected " +
                       fmt::format("{}", fmt::join(any_device_figures, ", ")));
}

/// Null without --require-peer when there is none. Throws Error with it.
std::unique_ptr<Peer> find_peer(const Flags& flags) {
  if (flags.no_peer || !(flags.wants_peer() || flags.require_peer)) return nullptr;
  std::string tried;
  auto peer = Peer::find(flags.options.where, tried);
  if (peer)
    std::cout << "peer: " << peer->version() << " (" << peer->python() << ")\n";
  else if (flags.require_peer)
    throw Error("--require-peer: no PyTorch for " + flags.options.where.device.str() + " in " + tried +
                "; install the Debian package python3-torch (for the CPU), or name a Python that has it in "
                "SLUICE_PEER_PYTHON");
  else
    std::cout << "peer: none, no PyTorch for " << flags.options.where.device.str() << " in " << tried
              << "; ratios stay empty\n";
  return peer;
}

/// The worst of the nets stands for all.
void add_worst_overhead(std::vector<Row>& rows) {
  Row worst{.figure = "mbp_overhead", .unit = "x", .sluice = {}};
  for (const Row& row : rows)
    if (row.figure.starts_with("mbp_overhead_")) worst.sluice = std::max(worst.sluice.value_or(0), *row.sluice);
  if (worst.sluice) rows.push_back(worst);
}

std::vector<Row> measure(const Flags& flags, Peer* peer, IdleCheck& idle) {
  std::vector<Row> rows;
  for (const Net& net : nets())
    if (flags.wants("train_" + net.name + "_mb64")) rows.push_back(training_figure(net, peer, flags.options, idle));
  for (const Net& net : nets())
    if (flags.wants("mbp_overhead_" + net.name)) rows.push_back(overhead_figure(net, flags.options, idle));
  add_worst_overhead(rows);
  if (flags.wants("step_loop_overhead")) rows.push_back(step_loop_figure(flags.options, idle));
  const auto append = [&](const std::vector<Row>& more) { rows.insert(rows.end(), more.begin(), more.end()); };
  if (flags.wants("arena_over_bound")) append(memory_figures(flags.options));
  if (flags.wants("machine")) append(machine_figures(rows));
  return rows;
}

int run(const Flags& flags, Backend& backend, samples::Outputs& outputs) {
  const Where& where = flags.options.where;
  const DeviceRun own_run(backend, where.precision);
  const DeviceRun::Scope scope(own_run);
  Environment environment{.cpu = cpu_model(),
                          .device = backend.description(),
                          .precision = std::string(name(backend.precision())),
                          .threads = backend.threads(),
                          .load_before = load_average(),
                          .date = date()};
  std::cout << environment.cpu << ", " << environment.device << ", " << environment.precision << "; load average "
            << environment.load_before << '\n';
  const std::unique_ptr<Peer> peer = find_peer(flags);
  if (peer) environment.peer_version = peer->version();
  IdleCheck idle;
  const std::vector<Row> rows = measure(flags, peer.get(), idle);
  environment.load_after = load_average();
  environment.calibration_spread = idle.spread();

  std::cout << '\n';
  print_table(std::cout, rows);
  std::cout << fmt::format(
      "idle check: load average {:.2f} before, {:.2f} after; slowest calibration loop {:.2f} x the fastest\n",
      environment.load_before, environment.load_after, environment.calibration_spread);
  outputs.write("--json", [&] { return to_json(rows, environment); });
  outputs.write("--markdown", [&] { return to_markdown(rows, environment); });
  return outputs.exit_code(0);
}

int parse_and_run(int argc, const char* const* argv) {
  const auto fail = [](const std::exception& error, const char* hint, int code) {
    std::cout << std::flush;
    std::cerr << program << ": " << message_of(error) << hint << '\n';
    return code;
  };
  Flags flags;
  std::optional<samples::Outputs> outputs;
  try {
    CLI::App app("Measures training with Sluice beside PyTorch on the same device.", program);
    describe(app, flags);
    try {
      app.parse(argc, argv);
      check(flags);
      outputs.emplace(program, std::vector<samples::FileFlag>{{.flag = "--json", .path = flags.json},
                                                              {.flag = "--markdown", .path = flags.markdown}});
    } catch (const CLI::ParseError& error) {
      return samples::end_of_parsing(app, program, error);
    } catch (const UsageError& error) {
      return fail(error, "", 2);
    }
    Backend& backend = flags.options.where.device.backend();
    return backend.with_threads(flags.options.where.threads, [&] { return run(flags, backend, *outputs); });
  } catch (const std::exception& error) {
    return fail(error, "", 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  samples::spin_briefly(argv);
  return samples::checked_main(program, [&] { return parse_and_run(argc, argv); });
}
