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

/// Options of lowering.
struct LoweringOptions {
  /// Limit for the workspaces of kernels that trade memory for speed.
  std::size_t workspace_cap_bytes = 0;
  /// Limits for single nodes, which replace it.
  std::map<NodeId, std::size_t> node_cap_bytes = {};
  AlgorithmChooser* chooser = nullptr;  ///< null: the cost model decides
  std::string graph_name = {};  ///< part of the keys of its values; graphs that share storages need different ones
};

/// Lowers one graph for one device, part by part. The first part that is lowered pins the layouts of parameters. Later
/// parts, of this graph or another with the same storages, use these layouts or reorder into derived copies once per
/// step.
class Lowering {
 public:
  /// `gradients`: pairs of a parameter and its gradient, which gets the layout of the parameter.
  Lowering(const Graph& graph, const StageCut& cut, StorageTable& storages, Backend& backend, LoweringOptions options,
           std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>> gradients = {});
  ~Lowering();
  Lowering(Lowering&&) noexcept;

  Part prologue();
  /// Lowers the replayed part of `stage` for micro-batches of `micro_batch` samples, at most `slots` per step. The
  /// stages of one micro-batch size must be lowered in order.
  Part replayed(int stage, std::int64_t micro_batch, std::int64_t slots);
  Part once(int stage);
  /// The nodes that write state.
  Part writers();
  /// Returns the reorders into derived copies that run after the once part of `stage` (−1: after the prologue). Call it
  /// after all other parts were lowered.
  Part take_derived(int stage);
  /// Lowers all of `nodes` to one part, for one batch of `samples`, as evaluate() runs them.
  Part everything(std::span<const NodeId> nodes, std::int64_t samples, std::span<const ValueId> outputs);

  /// Returns the storage of a batch value; −1 for a sample value.
  int storage_of(ValueId value) const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace sluice
