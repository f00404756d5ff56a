// Measures training with Sluice beside PyTorch, and what micro-batches cost in time and memory:
//
//   ./dev bench [--json FILE] [--require-peer] [--figures NAME,...] [--rounds N] [--threads N] [--quick]
//
// Prints every round, then a table. bench/README.md says what the figures mean and how noise is treated.

#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <sluice/core/write_file.h>
#include <CLI/CLI.hpp>

#include "support/figures.h"
#include "support/machine.h"

using namespace sluice;
using namespace sluice::bench;

namespace {

const std::vector<std::string> figure_names = {
    "train_resnet18_cifar_mb64", "train_fashion_cnn_mb64", "mbp_overhead_resnet18_cifar",
    "mbp_overhead_fashion_cnn",  "arena_over_bound",       "machine"};

struct Flags {
  std::vector<std::string> figures = {};  ///< empty: all
  std::string json = {};
  bool require_peer = false, no_peer = false;
  FigureOptions options = {};

  bool wants(const std::string& figure) const {
    return figures.empty() || std::any_of(figures.begin(), figures.end(), [&](const std::string& asked) {
             return asked == figure || (asked == "mbp_overhead" && figure.starts_with("mbp_overhead_"));
           });
  }
  bool wants_peer() const { return wants(figure_names[0]) || wants(figure_names[1]); }
};

void describe(CLI::App& app, Flags& flags) {
  std::vector<std::string> known = figure_names;
  known.emplace_back("mbp_overhead");
  app.set_help_flag("-h,--help", "print this and exit");
  app.add_option("--figures", flags.figures,
                 "only these, comma-separated: " + fmt::format("{}", fmt::join(known, ", ")))
      ->delimiter(',')
      ->type_name("NAME")
      ->check(CLI::IsMember(known).description(""));
  app.add_option("--json", flags.json, "write the figures as one JSON object")->type_name("FILE");
  app.add_flag("--require-peer", flags.require_peer, "fail when there is no PyTorch to compare with");
  app.add_flag("--no-peer", flags.no_peer, "do not look for PyTorch")->excludes("--require-peer");
  app.add_option("--rounds", flags.options.rounds, "rounds of every figure [as many as it needs]")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""));
  app.add_option("--threads", flags.options.threads, "of Sluice and of the peer; 0: all cores [0]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app.add_flag("--quick", flags.options.quick, "one short round each: shows that everything works, measures nothing");
}

/// Null without --require-peer when there is none. Throws Error with it.
std::unique_ptr<Peer> find_peer(const Flags& flags) {
  if (flags.no_peer || !(flags.wants_peer() || flags.require_peer)) return nullptr;
  std::string tried;
  auto peer = Peer::find(Device::cpu().backend().threads(), tried);
  if (peer)
    std::cout << "peer: " << peer->version() << " (" << peer->python() << ")\n";
  else if (flags.require_peer)
    throw Error("--require-peer: no PyTorch in " + tried +
                "; install the Debian package python3-torch, or name a Python that has it in SLUICE_PEER_PYTHON");
  else
    std::cout << "peer: none, no PyTorch in " << tried << " (Debian package python3-torch); ratios stay empty\n";
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
  const auto append = [&](const std::vector<Row>& more) { rows.insert(rows.end(), more.begin(), more.end()); };
  if (flags.wants("arena_over_bound")) append(memory_figures(flags.options));
  if (flags.wants("machine")) append(machine_figures(rows, flags.options));
  return rows;
}

void run(const Flags& flags) {
  Backend& backend = Device::cpu().backend();
  backend.set_threads(flags.options.threads);
  Environment environment{.cpu = cpu_model(),
                          .device = backend.description(),
                          .threads = backend.threads(),
                          .load_before = load_average(),
                          .date = date()};
  std::cout << environment.cpu << ", " << environment.device << "; load average " << environment.load_before << '\n';
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
  if (!flags.json.empty()) sluice::write_whole(flags.json, to_json(rows, environment));
}

}  // namespace

int main(int argc, char** argv) {
  const auto fail = [](const std::exception& error, const char* hint, int code) {
    std::cout << std::flush;
    std::cerr << "bench_training: " << error.what() << hint << '\n';
    return code;
  };
  Flags flags;
  try {
    CLI::App app("Measures training with Sluice beside PyTorch on the CPU.", "bench_training");
    describe(app, flags);
    try {
      app.parse(argc, argv);
      if (!flags.json.empty()) sluice::require_writable(flags.json);
    } catch (const CLI::CallForHelp&) {
      std::cout << app.help();
      return 0;
    } catch (const CLI::ParseError& error) {
      return fail(error, " (see --help)", 2);
    } catch (const UsageError& error) {
      return fail(error, "", 2);
    }
    run(flags);
    return 0;
  } catch (const std::exception& error) {
    return fail(error, "", 1);
  }
}
