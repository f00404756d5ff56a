#pragma once

#include <memory>
#include <span>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// A graph whose scalar factors are folded, and the new Vars of the outputs.
struct FoldedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<Var> outputs;
};
/// Moves scalar factors that are known only after a stage through linear ops, to behind the batch_sum. So they need no
/// stage of their own (docs/architecture.md, "Folding"). Returns a new graph with the Vars of `outputs` in it.
FoldedGraph fold_factors(const Graph& graph, std::span<const ValueId> outputs);

}  // namespace sluice
