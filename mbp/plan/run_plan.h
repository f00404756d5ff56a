#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sluice/core/program.h>
#include <sluice/core/stages.h>
#include <sluice/mbp/pack/packing.h>
#include <sluice/mbp/plan/plan.h>

namespace sluice {

/// A part with places in the arena.
struct PackedPart {
  Part part;
  std::vector<Lifetime> lifetimes;
  Packing packing;
};

/// One of the run's graphs, lowered: what is run once and, by micro-batch size, what is replayed.
struct Program {
  std::string name;
  const Graph* graph = nullptr;
  StageCut cut;
  PackedPart prologue;
  std::vector<PackedPart> derived;  ///< [0]: after the prologue; [s+1]: after the once part of stage s
  std::vector<PackedPart> once;     ///< by stage
  PackedPart writers;
  std::map<std::int64_t, std::vector<PackedPart>> replayed;  ///< micro-batch size → by stage
  std::vector<std::vector<int>> accumulators;                ///< by stage: storages to clear before it,
  std::vector<int> left_clear;  ///< except these, where the writers ran after the pass before
  std::vector<int> storage_of;  ///< by ValueId: storages of the graph's batch values; −1: none

  bool clear = false;  ///< set by the scheduler: the writers ran last, so what is left_clear holds zeros

  template <class Visit>
  void for_each_part(Visit&& visit);
};

/// Limits for the workspaces of kernels that can trade memory for speed: one for all, and others for single nodes.
struct WorkspaceCaps {
  std::size_t bytes = 0;
  std::map<const Graph*, std::map<NodeId, std::size_t>> of_nodes = {};
};

/// All programs of a run, over one set of storages and one arena, with every address fixed relative to the slab.
struct RunPlan {
  StorageTable storages;
  std::vector<std::size_t> storage_offsets;  ///< into the slab
  std::size_t arena_offset = 0;              ///< where the parts' offsets count from
  Program train, evaluate, predict;          ///< without a graph: not planned
  const PackedPart* peak_part = nullptr;     ///< the part that decides the arena's size,
  int peak_instruction = 0;                  ///< and where in it most bytes are alive
  WorkspaceCaps caps;                        ///< that it was made with
  Plan summary;

  /// The program that decides micro-batch and algorithms: training, where a step is planned.
  const Program& main() const {
    return !train.replayed.empty() ? train : !evaluate.replayed.empty() ? evaluate : predict;
  }
};

/// Layer name of the bytes that the packing leaves unused at the arena's peak.
inline constexpr const char* fragmentation_layer = "(fragmentation)";

/// Calls visit(category, layer, lifetime, index of the lifetime) for what is alive at the arena's peak.
template <class Visit>
void visit_peak(const RunPlan& plan, Visit&& visit) {
  if (!plan.peak_part) return;
  const PackedPart& packed = *plan.peak_part;
  for (int i = 0; i < static_cast<int>(packed.lifetimes.size()); ++i) {
    const Lifetime& l = packed.lifetimes[static_cast<std::size_t>(i)];
    if (plan.peak_instruction < l.first || l.last < plan.peak_instruction) continue;
    if (l.value >= 0)
      visit(Category::activation, packed.part.values[static_cast<std::size_t>(l.value)].layer, l, i);
    else
      visit(Category::workspace, packed.part.instructions[static_cast<std::size_t>(l.instruction)].layer, l, i);
  }
}

template <class Visit>
void Program::for_each_part(Visit&& visit) {
  visit(prologue);
  for (PackedPart& part : derived) visit(part);
  for (PackedPart& part : once) visit(part);
  visit(writers);
  for (auto& [size, stages] : replayed)
    for (PackedPart& part : stages) visit(part);
}

}  // namespace sluice
