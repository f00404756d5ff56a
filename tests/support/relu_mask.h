#pragma once

#include <sluice/core/graph.h>

namespace sluice::test {

/// The mask that the op behind `y` makes beside it.
inline Var mask_of(Var y) {
  Graph& graph = y.graph();
  return graph.var(graph.node(graph.value(y.id()).producer).outputs.at(1));
}

}  // namespace sluice::test
