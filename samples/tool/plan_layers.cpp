#include "tool/plan_layers.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>

namespace sluice::samples {

std::vector<LayerRow> layer_rows(const RunPlan& plan) {
  std::vector<LayerRow> rows;
  if (plan.train.replayed.empty()) return rows;
  std::set<NodeId> seen;  // recomputation runs a node twice, in the same way
  for (const PackedPart& packed : plan.train.replayed.rbegin()->second)
    for (const Instruction& i : packed.part.instructions) {
      const std::string algorithm = i.kernel->algorithm();
      if (i.node < 0 || !seen.insert(i.node).second || (algorithm.empty() && i.workspace_bytes == 0)) continue;
      rows.push_back({i.layer, i.name, algorithm, i.workspace_bytes});
    }
  return rows;
}

std::string layers_text(std::vector<LayerRow> rows, std::size_t most) {
  const std::size_t all = rows.size();
  if (all == 0) return {};
  const auto larger = [](const LayerRow& a, const LayerRow& b) { return a.workspace_bytes > b.workspace_bytes; };
  if (all > most) {
    std::stable_sort(rows.begin(), rows.end(), larger);
    rows.resize(most);
  }
  std::size_t layer = 5, op = 2, algorithm = 9;  // of the titles
  for (const LayerRow& row : rows) {
    layer = std::max(layer, row.layer.size());
    op = std::max(op, row.op.size());
    algorithm = std::max(algorithm, row.algorithm.size());
  }
  std::string text =
      fmt::format("\n{:<{}}  {:<{}}  {:<{}}  {:>12}\n", "layer", layer, "op", op, "algorithm", algorithm, "workspace");
  for (const LayerRow& row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>12}\n", row.layer, layer, row.op, op, row.algorithm, algorithm,
                        row.workspace_bytes ? format_bytes(row.workspace_bytes) : "none");
  if (all > most) text += fmt::format("the {} largest workspaces of {}; all of them: --layers\n", most, all);
  return text;
}

}  // namespace sluice::samples
