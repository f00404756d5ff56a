#pragma once

#include <span>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// What to do with a sample value that an expensive op made in one stage and a later stage needs.
enum class Crossing : std::uint8_t {
  keep,       ///< store it for every micro-batch of the logical batch (counted k times); cheap ops are recomputed
  recompute,  ///< run the ops again
};

/// One stage: a part replayed for every micro-batch, then a part run once.
struct Stage {
  std::vector<NodeId> replayed;
  std::vector<ValueId> loaded;  ///< kept by an earlier stage, read here
  std::vector<ValueId> stored;  ///< computed here, kept for a later stage
  std::vector<NodeId> once;     ///< batch nodes
};

/// A graph's schedule: prologue, stages, and last of all the nodes that write state.
struct StageCut {
  std::vector<NodeId> prologue;
  std::vector<Stage> stages;
  std::vector<NodeId> writers;
  /// Per batch value: the stage after whose replay it is complete; −1: in the prologue. Meaningless for sample values.
  std::vector<int> available;
  /// What was asked for.
  std::vector<ValueId> outputs;
};

/// Cuts what `outputs` and the graph's writers depend on into stages (docs/architecture.md, "Stages"). `outputs` of
/// sample scope are computed in the last stage.
StageCut cut_into_stages(const Graph& graph, std::span<const ValueId> outputs, Crossing crossing = Crossing::keep);

/// The earliest stage in which each value can exist: for sample values the stage whose replay can compute it, for batch
/// values the stage after whose replay it can be complete (−1: before the first).
std::vector<int> earliest_stages(const Graph& graph);

}  // namespace sluice
