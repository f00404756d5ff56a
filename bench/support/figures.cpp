#include "support/figures.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "support/machine.h"
#include "support/update_probe.h"

namespace sluice::bench {
namespace {

constexpr std::int64_t micro_batch = 64;
constexpr std::int64_t replays = 16;  // of mbp_overhead's large step

using Turn = TrainedNet::Turn;

/// How much of a net is measured: large ones take seconds.
struct Effort {
  int training_rounds, overhead_rounds;
  Turn turn;  ///< of the training figure
  /// Of mbp_overhead: as many replays in both, so that what comes by at times comes by both as often.
  Turn small_turn, large_turn;
};

Effort effort_for(const Net& net, const FigureOptions& options) {
  const bool large = net.name == "resnet18_cifar";
  Effort effort = large ? Effort{9, 3, {1, 2}, {0, replays}, {0, 1}} : Effort{11, 41, {2, 20}, {1, replays}, {1, 1}};
  // Steps of a GPU take about a millisecond, and its first ones record graphs.
  if (options.where.device.kind() == Device::Kind::cuda) effort.turn = large ? Turn{10, 50} : Turn{20, 200};
  if (options.quick) effort = {1, 1, {0, 1}, {0, 1}, {0, 1}};
  if (options.rounds) effort.training_rounds = effort.overhead_rounds = *options.rounds;
  return effort;
}

/// Lets the other process's threads, which spin for a while after their work, go to sleep before something is timed.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

/// Runs turns in order, in every other round backwards, so that a drift of the machine favours nobody.
void take_turns(const std::vector<std::function<void()>>& turns, int round) {
  for (std::size_t i = 0; i < turns.size(); ++i) {
    settle();
    turns[round % 2 ? turns.size() - 1 - i : i]();
  }
}

void check_same_net(const Net& net, Peer& peer) {
  const auto module = net.module();
  const std::string ours = parameter_shapes(*module), theirs = peer.parameter_shapes(net.name);
  if (ours != theirs)
    throw Error("peer: its " + net.name + " is another net; got parameters of " + theirs + "; expected " + ours);
}

/// Runs `round` and prints what it returns with the calibration loops around it.
void print_round(int round, int rounds, IdleCheck& idle, const std::function<std::string()>& body) {
  settle();
  const double before = idle.look();
  const std::string text = body();
  settle();
  std::cout << fmt::format("  round {:>2}/{}  {}  calibration {:.2f} {:.2f}\n", round + 1, rounds, text, before,
                           idle.look())
            << std::flush;
}

}  // namespace

IdleCheck::IdleCheck() {
  calibration_ms();  // wakes the threads
  shortest_ = longest_ = calibration_ms();
}

double IdleCheck::look() {
  const double ms = calibration_ms();
  shortest_ = std::min(shortest_, ms);
  longest_ = std::max(longest_, ms);
  return ms / shortest_;
}

Row training_figure(const Net& net, Peer* peer, const FigureOptions& options, IdleCheck& idle) {
  const Effort effort = effort_for(net, options);
  const int rounds = effort.training_rounds;
  const Turn turn = effort.turn;
  TrainedNet ours(net, micro_batch, micro_batch, turn, options.where);
  ours.warm_up();
  const auto module = net.module();
  const std::int64_t parameters = summary(*module, net.image).trainable_parameters;
  std::cout << fmt::format("train_{}_mb{}: {} parameters{}\n", net.name, micro_batch, parameters,
                           peer ? ", of the same shapes in the same order in the peer" : "");
  if (peer) {
    check_same_net(net, *peer);
    for (const std::string& format : peer->formats()) peer->seconds_per_step(net.name, format, 0, 1);
  }

  std::vector<double> seconds;
  std::map<std::string, std::vector<double>> peer_seconds;
  std::vector<std::function<void()>> turns = {[&] { seconds.push_back(ours.seconds_per_step()); }};
  if (peer)
    for (const std::string& format : peer->formats())
      turns.emplace_back([&, format] {
        peer_seconds[format].push_back(peer->seconds_per_step(net.name, format, turn.untimed, turn.steps));
      });
  const auto rate = [](double s) { return static_cast<double>(micro_batch) / s; };
  for (int round = 0; round < rounds; ++round)
    print_round(round, rounds, idle, [&] {
      take_turns(turns, round);
      std::string text = fmt::format("images/s: sluice {:.1f}", rate(seconds.back()));
      for (const auto& [format, times] : peer_seconds) text += fmt::format(", {} {:.1f}", format, rate(times.back()));
      return text;
    });

  Row row{.figure = fmt::format("train_{}_mb{}", net.name, micro_batch),
          .unit = "images/s",
          .sluice = rate(median(seconds)),
          .details = {{"sluice_min", rate(spread(seconds).max)}, {"sluice_max", rate(spread(seconds).min)}}};
  const std::vector<double>* best = nullptr;
  for (const auto& [format, times] : peer_seconds) {
    row.details.emplace_back("peer_" + format, rate(median(times)));
    if (!best || median(times) < median(*best)) best = &times;
  }
  row.details.emplace_back("parameters", static_cast<double>(parameters));
  row.details.emplace_back("rounds", rounds);
  if (!best) return row;
  row.peer = rate(median(*best));
  std::vector<double> ratios;
  for (std::size_t i = 0; i < seconds.size(); ++i) ratios.push_back((*best)[i] / seconds[i]);
  row.ratio = spread(ratios);
  return row;
}

Row overhead_figure(const Net& net, const FigureOptions& options, IdleCheck& idle) {
  const Effort effort = effort_for(net, options);
  const int rounds = effort.overhead_rounds;
  TrainedNet large(net, replays * micro_batch, micro_batch, effort.large_turn, options.where);
  TrainedNet small(net, micro_batch, micro_batch, effort.small_turn, options.where);
  UpdateProbe probe(net, micro_batch);
  std::cout << fmt::format("mbp_overhead_{}\n", net.name);
  large.warm_up();
  small.warm_up();
  probe.seconds();

  std::vector<double> wholes, ones, updates, overheads;
  const std::vector<std::function<void()>> turns = {[&] { ones.push_back(small.seconds_per_step()); },
                                                    [&] { wholes.push_back(large.seconds_per_step()); },
                                                    [&] { updates.push_back(probe.seconds()); }};
  for (int round = 0; round < rounds; ++round)
    print_round(round, rounds, idle, [&] {
      take_turns(turns, round);
      return fmt::format("ms: {} samples {:.1f}, {} samples {:.2f}, update {:.2f}", replays * micro_batch,
                         1e3 * wholes.back(), micro_batch, 1e3 * ones.back(), 1e3 * updates.back());
    });
  // One update for all rounds: it is short, and a round in which something else came between would have no meaning.
  const double update = median(updates);
  for (std::size_t i = 0; i < wholes.size(); ++i)
    overheads.push_back((wholes[i] - update) / (static_cast<double>(replays) * (ones[i] - update)));
  return {.figure = "mbp_overhead_" + net.name,
          .unit = "x",
          .sluice = median(overheads),
          .details = {{"min", spread(overheads).min},
                      {"max", spread(overheads).max},
                      {"large_ms", 1e3 * median(wholes)},
                      {"small_ms", 1e3 * median(ones)},
                      {"update_ms", 1e3 * update},
                      {"rounds", rounds}}};
}

Row step_loop_figure(const FigureOptions& options, IdleCheck& idle) {
  const int rounds = options.rounds.value_or(options.quick ? 1 : 31);
  const std::int64_t steps = options.quick ? 2 : 20;
  TrainedNet looped(net("fashion_cnn"), micro_batch, micro_batch, {0, steps}, options.where);
  TrainedNet whole(net("fashion_cnn"), micro_batch, micro_batch, {0, steps}, options.where);
  std::cout << "step_loop_overhead\n";
  looped.warm_up();
  whole.warm_up();
  std::vector<double> loops, epochs, overheads;
  const std::vector<std::function<void()>> turns = {[&] { loops.push_back(looped.seconds_per_call()); },
                                                    [&] { epochs.push_back(whole.seconds_per_step()); }};
  for (int round = 0; round < rounds; ++round)
    print_round(round, rounds, idle, [&] {
      take_turns(turns, round);
      overheads.push_back(loops.back() / epochs.back());
      return fmt::format("ms a step: step() {:.3f}, run_epoch() {:.3f}", 1e3 * loops.back(), 1e3 * epochs.back());
    });
  return {.figure = "step_loop_overhead",
          .unit = "x",
          .sluice = median(overheads),
          .details = {{"min", spread(overheads).min},
                      {"max", spread(overheads).max},
                      {"step_ms", 1e3 * median(loops)},
                      {"run_epoch_ms", 1e3 * median(epochs)},
                      {"rounds", rounds}}};
}

std::vector<Row> memory_figures(const FigureOptions& options) {
  Row bound{.figure = "arena_over_bound", .unit = "x", .sluice = 0};
  std::vector<Row> rows;
  for (const Net& net : nets()) {
    double worst = 0;
    for (const std::int64_t batch : {micro_batch, replays * micro_batch}) {
      TrainedNet trained(net, batch, micro_batch, {0, 1}, options.where);
      const Plan& plan = trained.trainer().plan();
      worst =
          std::max(worst, static_cast<double>(plan.arena_bytes) / static_cast<double>(plan.arena_lower_bound_bytes));
      if (batch != micro_batch) continue;
      trained.warm_up();
      const MemoryReport report = trained.trainer().memory_report();
      const auto bytes = [&](const std::string& figure, std::size_t count) {
        rows.push_back({.figure = figure + net.name, .unit = "bytes", .sluice = static_cast<double>(count)});
      };
      bytes("planned_peak_bytes_", report.planned_peak_bytes);
      bytes("measured_peak_bytes_", report.measured_peak_bytes);
    }
    bound.details.emplace_back(net.name, worst);
    bound.sluice = std::max(*bound.sluice, worst);
  }
  rows.insert(rows.begin(), bound);
  return rows;
}

std::vector<Row> machine_figures(const std::vector<Row>& training) {
  const double flops = peak_flops(), bandwidth = peak_bandwidth();
  std::vector<Row> rows = {{.figure = "machine_matrix_product", .unit = "GFLOP/s", .sluice = 1e-9 * flops},
                           {.figure = "machine_triad", .unit = "GB/s", .sluice = 1e-9 * bandwidth}};
  for (const Row& row : training) {
    if (row.figure != "train_resnet18_cifar_mb64") continue;
    const auto module = net("resnet18_cifar").module();
    // The backward pass does the forward's work twice: for the gradients of inputs and of weights.
    const double per_image = 3 * summary(*module, net("resnet18_cifar").image).flops;
    rows.push_back({.figure = "resnet18_cifar_fraction_of_peak",
                    .unit = "x",
                    .sluice = per_image * *row.sluice / flops,
                    .peer = row.peer ? std::optional(per_image * *row.peer / flops) : std::nullopt,
                    .details = {{"gflop_per_image", 1e-9 * per_image}}});
  }
  return rows;
}

}  // namespace sluice::bench
