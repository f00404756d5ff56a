// Measures what training loses on a machine that others use, beside PyTorch:
//
//   ./dev bench --busy [--json FILE] [--require-peer] [--figures NAME,...] [--rounds N] [--threads N] [--quick]
//
// Steps on the machine as it is and steps beside busy loops take turns; a figure is how many times longer a step takes
// beside them. The loops belong to this program, and end with it. bench/README.md tells more.

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <sched.h>
#include <sluice/core/host_memory.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"
#include "common/outputs.h"
#include "common/spin_briefly.h"
#include "support/busy_loops.h"
#include "support/machine.h"
#include "support/nets.h"
#include "support/peer.h"
#include "support/report.h"

using namespace sluice;
using namespace sluice::bench;

namespace {

const std::string program = "bench_busy";
constexpr std::int64_t batch = 64;

/// A net beside loops.
struct Case {
  std::string figure, net;
  bool on_every_core;  ///< as many loops as the net has threads; else one
  int nice;
  TrainedNet::Turn turn;
  int rounds;
};

const std::vector<Case> cases = {
    {"busy_cores_resnet18_cifar_mb64", "resnet18_cifar", true, 0, {.untimed = 0, .steps = 2}, 3},
    {"nice_loop_fashion_cnn_mb64", "fashion_cnn", false, 19, {.untimed = 5, .steps = 40}, 7},
};

struct Flags {
  std::vector<std::string> figures = {};  ///< empty: all
  std::string json = {}, markdown = {};
  bool require_peer = false, no_peer = false, quick = false;
  std::optional<int> rounds = {};
  Where where = {};

  bool wants(const Case& busy) const {
    return figures.empty() || std::find(figures.begin(), figures.end(), busy.figure) != figures.end();
  }
};

void describe(CLI::App& app, Flags& flags) {
  std::vector<std::string> known;
  for (const Case& busy : cases) known.push_back(busy.figure);
  app.set_help_flag("-h,--help", "print this and exit");
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
  app.add_option("--rounds", flags.rounds, "rounds of every figure [as many as it needs]")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""));
  app.add_option("--threads", flags.where.threads, "of Sluice and of the peer; 0: all cores [0]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app.add_flag("--quick", flags.quick, "one short round each: shows that everything works, measures nothing");
}

/// What is timed, and its seconds for a step without and with the loops, by round.
struct Subject {
  std::string name;
  std::function<double()> step;
  std::vector<double> quiet = {}, busy = {};

  std::vector<double> slowdowns() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < quiet.size(); ++i) all.push_back(busy[i] / quiet[i]);
    return all;
  }
  double rate(const std::vector<double>& seconds) const { return static_cast<double>(batch) / median(seconds); }
};

/// Lets threads that spin go to sleep, and the system move the loops to the cores where they will stay.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(200)); }

/// The faster of the peer's formats on the machine as it is.
std::string best_format(const Case& busy, const TrainedNet::Turn& turn, Peer& peer) {
  std::string best;
  double least = 0;
  for (const std::string& format : peer.formats()) {
    const double seconds = peer.seconds_per_step(busy.net, format, 1, turn.steps);
    if (!best.empty() && seconds >= least) continue;
    best = format;
    least = seconds;
  }
  return best;
}

/// Without and with the loops in turn, in every other round the other way round.
void run_round(int round, int rounds, const Case& busy, int threads, std::vector<Subject>& subjects) {
  for (const bool loaded : {round % 2 != 0, round % 2 == 0}) {
    std::optional<BusyLoops> loops;
    if (loaded) loops.emplace(busy.on_every_core ? threads : 1, busy.nice);
    if (loaded && round == 0)
      std::cout << fmt::format("  busy loops: processes {}\n", fmt::join(loops->processes(), ", ")) << std::flush;
    for (Subject& subject : subjects) {
      settle();
      (loaded ? subject.busy : subject.quiet).push_back(subject.step());
    }
  }
  std::string text;
  for (const Subject& subject : subjects)
    text += fmt::format("  {}: images/s {:.1f}, beside them {:.1f}: {:.2f} x", subject.name,
                        batch / subject.quiet.back(), batch / subject.busy.back(), subject.slowdowns().back());
  std::cout << fmt::format("  round {}/{}{}; load average {:.2f}\n", round + 1, rounds, text, load_average())
            << std::flush;
}

Row row_of(const Case& busy, const std::vector<Subject>& subjects, int rounds) {
  const Subject& ours = subjects.front();
  const Spread slowdown = spread(ours.slowdowns());
  Row row{.figure = busy.figure,
          .unit = "x",
          .sluice = slowdown.median,
          .details = {{"sluice_min", slowdown.min},
                      {"sluice_max", slowdown.max},
                      {"quiet_images_per_s", ours.rate(ours.quiet)},
                      {"busy_images_per_s", ours.rate(ours.busy)},
                      {"rounds", rounds}}};
  if (subjects.size() == 1) return row;
  const Subject& peer = subjects.back();
  row.peer = median(peer.slowdowns());
  row.details.emplace_back("peer_quiet_images_per_s", peer.rate(peer.quiet));
  row.details.emplace_back("peer_busy_images_per_s", peer.rate(peer.busy));
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.busy.size(); ++i) ratios.push_back(peer.busy[i] / ours.busy[i]);
  row.ratio = spread(ratios);
  return row;
}

Row measure(const Case& busy, const Flags& flags, Peer* peer) {
  const TrainedNet::Turn turn = flags.quick ? TrainedNet::Turn{.untimed = 0, .steps = 1} : busy.turn;
  const int rounds = flags.quick ? 1 : flags.rounds.value_or(busy.rounds);
  TrainedNet net(bench::net(busy.net), batch, batch, turn, flags.where);
  net.warm_up();
  std::cout << busy.figure << '\n';
  std::vector<Subject> subjects = {{.name = "sluice", .step = [&] { return net.seconds_per_step(); }}};
  if (peer) {
    const std::string format = best_format(busy, turn, *peer);
    subjects.push_back({.name = "peer, " + format, .step = [=, &busy] {
                          return peer->seconds_per_step(busy.net, format, turn.untimed, turn.steps);
                        }});
  }
  for (int round = 0; round < rounds; ++round)
    run_round(round, rounds, busy, net.trainer().options().threads, subjects);
  return row_of(busy, subjects, rounds);
}

std::unique_ptr<Peer> find_peer(const Flags& flags) {
  if (flags.no_peer) return nullptr;
  std::string tried;
  auto peer = Peer::find(flags.where, tried);
  if (!peer && flags.require_peer)
    throw Error("--require-peer: no PyTorch in " + tried +
                "; install the Debian package python3-torch, or name a Python that has it in SLUICE_PEER_PYTHON");
  std::cout << (peer ? "peer: " + peer->version() + " (" + peer->python() + ")"
                     : "peer: none, no PyTorch in " + tried + "; ratios stay empty")
            << '\n';
  return peer;
}

int run(const Flags& flags, Backend& backend, samples::Outputs& outputs) {
  if (sched_getscheduler(0) != SCHED_OTHER)
    std::cerr << program
              << ": this process does not have the normal scheduling policy (chrt?), so the loops hardly "
                 "disturb it\n";
  Environment environment{.cpu = cpu_model(),
                          .device = backend.description(),
                          .precision = std::string(name(backend.precision())),
                          .threads = backend.threads(),
                          .load_before = load_average(),
                          .date = date()};
  std::cout << fmt::format("{}, {}; load average before {:.2f}\n", environment.cpu, environment.device,
                           environment.load_before);
  const std::unique_ptr<Peer> peer = find_peer(flags);
  if (peer) environment.peer_version = peer->version();
  std::vector<Row> rows;
  for (const Case& busy : cases)
    if (flags.wants(busy)) rows.push_back(measure(busy, flags, peer.get()));
  environment.load_after = load_average();
  std::cout << '\n';
  print_table(std::cout, rows);
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
    CLI::App app("Measures training beside busy loops, and beside PyTorch.", program);
    describe(app, flags);
    try {
      app.parse(argc, argv);
      outputs.emplace(program, std::vector<samples::FileFlag>{{.flag = "--json", .path = flags.json},
                                                              {.flag = "--markdown", .path = flags.markdown}});
    } catch (const CLI::CallForHelp&) {
      std::cout << app.help();
      return 0;
    } catch (const CLI::ParseError& error) {
      return fail(error, " (see --help)", 2);
    } catch (const UsageError& error) {
      return fail(error, "", 2);
    }
    Backend& backend = flags.where.device.backend();
    return backend.with_threads(flags.where.threads, [&] { return run(flags, backend, *outputs); });
  } catch (const std::exception& error) {
    return fail(error, "", 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  samples::spin_briefly(argv);
  return samples::checked_main(program, [&] { return parse_and_run(argc, argv); });
}
