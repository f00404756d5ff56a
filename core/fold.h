#pragma once

#include <memory>
#include <span>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// A graph in which scalar factors that become known only after a stage were pulled through linear ops and are applied
/// after the batch_sum, so that they cost no stage; with where `outputs` of the old graph went.
struct FoldedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<Var> outputs;
};
FoldedGraph fold_factors(const Graph& graph, std::span<const ValueId> outputs);

}  // namespace sluice
