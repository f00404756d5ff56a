#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/program.h>
#include <sluice/core/stages.h>

namespace sluice {

/// What lowering may trade.
struct LoweringOptions {
  /// Limit for the workspace of kernels that can trade memory for speed,
  std::size_t workspace_cap_bytes = 0;
  /// and for single nodes another one.
  std::map<NodeId, std::size_t> node_cap_bytes = {};
  AlgorithmChooser* chooser = nullptr;  ///< null: the cost model decides
  std::string graph_name = {};          ///< in keys of its values: graphs that share storages differ in it
};

/// Lowers one graph for one device, part by part. The first part lowered pins the layouts of parameters; the parts that
/// follow, of this graph or another with the same storages, use them or reorder into derived copies once per step.
class Lowering {
 public:
  /// `gradients`: pairs (parameter, its gradient Var); those share the parameter's layout.
  Lowering(const Graph& graph, const StageCut& cut, StorageTable& storages, Backend& backend, LoweringOptions options,
           std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>> gradients = {});
  ~Lowering();
  Lowering(Lowering&&) noexcept;

  Part prologue();
  /// Replayed part of `stage` for micro-batches of `micro_batch` samples; at most `slots` of them a step. Stages of one
  /// micro-batch size are lowered in order.
  Part replayed(int stage, std::int64_t micro_batch, std::int64_t slots);
  Part once(int stage);
  /// The nodes that write state.
  Part writers();
  /// Reorders into derived copies, to run after the once part of `stage` (−1: after the prologue). Complete when every
  /// other part was lowered.
  Part take_derived(int stage);
  /// All of `nodes` in one list, for one batch of `samples`; what evaluate() runs.
  Part everything(std::span<const NodeId> nodes, std::int64_t samples, std::span<const ValueId> outputs);

  /// Where a batch value lives; sample values have none.
  int storage_of(ValueId value) const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace sluice
