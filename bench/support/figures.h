#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/nets.h"
#include "support/peer.h"
#include "support/report.h"

namespace sluice::bench {

struct FigureOptions {
  std::optional<int> rounds = {};  ///< empty: as many as the figure needs
  bool quick = false;              ///< as little as shows that everything works
  Where where = {};
};

/// Watches whether the machine is ours: the calibration loop before and after every round.
class IdleCheck {
 public:
  IdleCheck();
  /// Runs the loop; its time ÷ the shortest so far.
  double look();
  double spread() const { return longest_ / shortest_; }

 private:
  double shortest_, longest_;
};

/// train_<net>_mb64: whole training steps of 64 samples, images/s; Sluice and each memory format of the peer take
/// turns.
Row training_figure(const Net& net, Peer* peer, const FigureOptions& options, IdleCheck& idle);

/// mbp_overhead_<net>: how much longer 16 micro-batches of 64 take than 16 batches of 64, the update left out on both
/// sides: [t(1024 at 64) − t(update)] ÷ 16 · [t(64 at 64) − t(update)].
Row overhead_figure(const Net& net, const FigureOptions& options, IdleCheck& idle);

/// step_loop_overhead: how much longer an epoch of steps of 64 samples takes by calls of step() than by run_epoch().
Row step_loop_figure(const FigureOptions& options, IdleCheck& idle);

/// arena_over_bound of the plans of all nets, and planned and measured peak bytes of each.
std::vector<Row> memory_figures(const FigureOptions& options);

/// Peaks of the machine and, when `training` holds train_resnet18_cifar_mb64, the part of them that its step reaches.
std::vector<Row> machine_figures(const std::vector<Row>& training);

}  // namespace sluice::bench
