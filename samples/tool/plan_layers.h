#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sluice/mbp/plan/run_plan.h>

namespace sluice::samples {

/// How a replayed op of a layer is computed.
struct LayerRow {
  std::string layer, op;
  std::string algorithm;            ///< empty: the kernel has no other
  std::size_t workspace_bytes = 0;  ///< of the largest micro-batch
};

/// What a training step replays and has a choice of algorithm or a workspace, in running order.
std::vector<LayerRow> layer_rows(const RunPlan& plan);

/// A table for people: all of them, or the `most` with the largest workspaces.
std::string layers_text(std::vector<LayerRow> rows, std::size_t most);

}  // namespace sluice::samples
