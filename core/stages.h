#pragma once

#include <span>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// What happens to a sample value that an expensive op computes in one stage and a later stage needs.
enum class Crossing : std::uint8_t {
  store,      ///< it is stored for all k micro-batches, which takes k times its bytes; cheap ops are recomputed
  recompute,  ///< the later stage recomputes it
};

/// One stage: a part replayed for every micro-batch, then a part run once.
struct Stage {
  std::vector<NodeId> replayed;
  std::vector<ValueId> loaded;  ///< stored by an earlier stage, read here
  std::vector<ValueId> stored;  ///< computed here, stored for a later stage
  std::vector<NodeId> once;     ///< batch nodes
};

/// The schedule of a graph: prologue, stages, and after them the nodes that write state.
struct StageCut {
  std::vector<NodeId> prologue;
  std::vector<Stage> stages;
  std::vector<NodeId> writers;
  /// By batch value: the stage after whose replays it is complete; −1: the prologue. Undefined for sample values.
  std::vector<int> available;
  /// The outputs that cut_into_stages() was given.
  std::vector<ValueId> outputs;
};

/// Cuts what `outputs` and the graph's writers depend on into stages (docs/architecture.md, "Stages"). `outputs` of
/// sample scope are computed in the last stage.
StageCut cut_into_stages(const Graph& graph, std::span<const ValueId> outputs, Crossing crossing = Crossing::store);

/// Returns the earliest stage of each value: for a sample value the first stage whose replay can compute it, for a
/// batch value the stage after whose replays it can be complete (−1: before the first).
std::vector<int> earliest_stages(const Graph& graph);

}  // namespace sluice
