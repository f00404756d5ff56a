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

/// A part whose values and workspaces have offsets in the arena.
struct PackedPart {
  Part part;
  std::vector<Lifetime> lifetimes;
  Packing packing;
};

/// One graph of the run, lowered to parts: those that run once, and the replayed ones by micro-batch size.
struct Program {
  std::string name;
  const Graph* graph = nullptr;
  StageCut cut;
  PackedPart prologue;
  std::vector<PackedPart> derived;  ///< [0]: after the prologue; [s+1]: after the once part of stage s
  std::vector<PackedPart> once;     ///< by stage
  PackedPart writers;
  std::map<std::int64_t, std::vector<PackedPart>> replayed;  ///< micro-batch size → by stage
  std::vector<std::vector<int>> accumulators;                ///< by stage: storages that must be zero before it
  std::vector<int> cleared_by_writers;                       ///< accumulators that the writers set to zero
  std::vector<int> storage_of;                               ///< by ValueId: storage of a batch value; −1: none

  /// Set by the scheduler: the writers ran after the last pass, so cleared_by_writers are zero.
  bool accumulators_cleared = false;

  template <class Visit>
  void for_each_part(Visit&& visit);
};

/// Limits for the workspaces of kernels that trade memory for speed: one for all kernels, and limits for
/// single nodes that replace it.
struct WorkspaceCaps {
  std::size_t bytes = 0;
  std::map<const Graph*, std::map<NodeId, std::size_t>> of_nodes = {};
};

/// All programs of a run. They share one set of storages and one arena, and every offset in the slab is fixed.
struct RunPlan {
  StorageTable storages;
  std::vector<std::size_t> storage_offsets;  ///< offset in the slab, by storage
  std::size_t arena_offset = 0;              ///< offset in the slab to which the parts' offsets are relative
  Program train, evaluate, predict;          ///< one that is not planned has no graph
  const PackedPart* peak_part = nullptr;     ///< the part that decides the arena's size
  int peak_instruction = 0;                  ///< the instruction of peak_part with the most live bytes
  WorkspaceCaps caps;                        ///< limits that the plan was made with
  Plan summary;

  /// The program that decides micro-batch and algorithms: training if it is planned, else evaluation.
  const Program& main() const {
    return !train.replayed.empty() ? train : !evaluate.replayed.empty() ? evaluate : predict;
  }
};

/// Layer name of the bytes that the packing leaves unused at the arena's peak.
inline constexpr const char* fragmentation_layer = "(fragmentation)";

/// Calls visit(category, layer, lifetime, index of the lifetime) for each value and workspace that is alive
/// at the arena's peak.
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
