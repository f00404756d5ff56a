#include <sluice/mbp/plan/refine_plan.h>

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/mbp/plan/account.h>

#include "mbp/planned.h"

namespace sluice::test {
namespace {

template <class Visit>
void for_each_part(RunPlan& plan, Visit&& visit) {
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& packed) { visit(*program, packed); });
}

/// Gives everything a place of its own, as if nothing ever died.
void pack_without_reuse(PackedPart& packed) {
  packed.packing.peak_bytes = 0;
  for (std::size_t i = 0; i < packed.lifetimes.size(); ++i) {
    packed.packing.offsets[i] = packed.packing.peak_bytes;
    packed.packing.peak_bytes += packed.lifetimes[i].bytes;
  }
}

/// Whether what is alive at the same time lies apart and below the peak.
bool lies_apart(const PackedPart& packed) {
  const std::vector<Lifetime>& all = packed.lifetimes;
  const std::vector<std::size_t>& offsets = packed.packing.offsets;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (offsets[i] + all[i].bytes > packed.packing.peak_bytes) return false;
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = all[i].first <= all[j].last && all[j].first <= all[i].last;
      if (together && offsets[i] < offsets[j] + all[j].bytes && offsets[j] < offsets[i] + all[i].bytes) return false;
    }
  }
  return true;
}

TEST(PackTighter, BringsTheLargestPartsDownAndAccountsForIt) {
  Planned planned({});
  RunPlan& plan = *planned.plan;
  for_each_part(plan, [](const Program&, PackedPart& packed) { pack_without_reuse(packed); });
  account(plan, planned.request);
  const std::string loose_hash = plan.summary.hash;
  ASSERT_GT(plan.summary.arena_bytes, plan.summary.arena_lower_bound_bytes);

  pack_tighter(plan, planned.request);
  EXPECT_EQ(plan.summary.arena_bytes, plan.summary.arena_lower_bound_bytes);
  EXPECT_NE(plan.summary.hash, loose_hash);
  std::size_t peak = 0, sum = 0;
  for_each_part(plan, [&](const Program&, const PackedPart& packed) {
    EXPECT_TRUE(lies_apart(packed)) << packed.part.name;
    peak = std::max(peak, packed.packing.peak_bytes);
  });
  EXPECT_EQ(plan.peak_part->packing.peak_bytes, peak);
  for (const auto& [row, entry] : plan.summary.ledger.rows()) sum += entry.planned_bytes;
  EXPECT_EQ(sum, plan.summary.planned_peak_bytes());
}

TEST(PackTighter, LeavesPartsAloneThatDecideNothing) {
  Planned planned({});
  RunPlan& plan = *planned.plan;
  const std::size_t bound = plan.peak_part->packing.lower_bound_bytes;
  int loose = 0;
  for_each_part(plan, [&](const Program&, PackedPart& packed) {
    const std::size_t peak = packed.packing.peak_bytes;
    if (peak == 0 || peak >= bound) return;
    for (std::size_t& offset : packed.packing.offsets) offset += bound - peak;
    packed.packing.peak_bytes = bound;
    ++loose;
  });
  ASSERT_GT(loose, 0);
  account(plan, planned.request);
  const std::string hash = plan.summary.hash;
  pack_tighter(plan, planned.request);
  EXPECT_EQ(plan.summary.hash, hash);
}

/// Bytes of values alive at each instruction of a part.
std::vector<std::size_t> live_values(const PackedPart& packed) {
  std::vector<std::size_t> live(packed.part.instructions.size(), 0);
  for (int i = 0; i < static_cast<int>(live.size()); ++i)
    for (const Lifetime& l : packed.lifetimes)
      if (l.value >= 0 && l.first <= i && i <= l.last) live[static_cast<std::size_t>(i)] += l.bytes;
  return live;
}

TEST(RoomForWorkspaces, IsWhatTheFullestMomentOfANodeLeaves) {
  Planned planned({.squared = true});
  RunPlan& plan = *planned.plan;
  const std::size_t arena_bytes = plan.summary.arena_bytes;
  WorkspaceCaps caps = workspace_caps_within(plan, plan.arena_offset + arena_bytes);
  std::map<const Graph*, std::map<NodeId, std::size_t>> most_alive;
  for_each_part(plan, [&](const Program& program, const PackedPart& packed) {
    const std::vector<std::size_t> live = live_values(packed);
    for (std::size_t i = 0; i < live.size(); ++i)
      if (const NodeId node = packed.part.instructions[i].node; node >= 0) {
        std::size_t& most = most_alive[program.graph][node];
        most = std::max(most, live[i]);
      }
  });
  ASSERT_GT(most_alive[planned.training.graph.get()].size(), 10U);
  for (const auto& [graph, nodes] : most_alive) {
    ASSERT_EQ(caps.of_nodes[graph].size(), nodes.size());
    for (const auto& [node, most] : nodes)
      EXPECT_EQ(caps.of_nodes[graph].at(node), arena_bytes - std::min(arena_bytes, most)) << "node " << node;
  }
}

TEST(RoomForWorkspaces, IsNoneWhereThePlanTakesTheBudget) {
  Planned planned({});
  for (const std::size_t budget_bytes : {std::size_t{0}, planned.plan->arena_offset})
    for (const auto& [graph, nodes] : workspace_caps_within(*planned.plan, budget_bytes).of_nodes)
      for (const auto& [node, room] : nodes) EXPECT_EQ(room, 0U) << "node " << node;
}

}  // namespace
}  // namespace sluice::test
