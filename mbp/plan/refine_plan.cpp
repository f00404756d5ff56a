#include <sluice/mbp/plan/refine_plan.h>

#include <algorithm>
#include <future>
#include <map>

#include <sluice/core/device.h>
#include <sluice/core/rearrange.h>
#include <sluice/mbp/plan/account.h>
#include <sluice/mbp/plan/order.h>
#include <sluice/mbp/plan/pack_lifetimes.h>
#include <sluice/mbp/plan/part_model.h>

namespace sluice {
namespace {

/// What pack_tighter() spends on a part: orders that are packed, and the effort (PackingLimits) for each.
constexpr std::uint32_t most_orders = 12;
constexpr std::int64_t effort_per_order = 16'000;

/// The part packed once more: as it is, then in other orders that have no more alive at a time, until one of them
/// reaches the lower bound. What is lower than what there is replaces it. Two threads pack an order each; the result
/// does not depend on that.
bool packed_tighter(PackedPart& packed, const RunPlanRequest& request) {
  const std::size_t before = packed.packing.peak_bytes;
  const Part part = packed.part;
  const PartModel model(part, request.backend->rates());
  const auto packed_in_order = [&](std::uint32_t n, std::size_t most_alive) {
    PackedPart other{.part = part, .lifetimes = {}, .packing = {}};
    if (n > 0) other.part = rearranged(part, varied_order(model, most_alive, n));
    other.lifetimes = arena_lifetimes(other.part);
    other.packing = pack(other.lifetimes, {.effort = effort_per_order});
    return other;
  };
  const std::uint32_t orders = request.passes.order ? most_orders : 1;
  for (std::uint32_t n = 0; n < orders && packed.packing.peak_bytes > packed.packing.lower_bound_bytes; n += 2) {
    const std::size_t most_alive = packed.packing.lower_bound_bytes;
    std::future<PackedPart> next;
    if (n + 1 < orders)  // deferred: where there is no room for another thread
      next = std::async(std::launch::async | std::launch::deferred, packed_in_order, n + 1, most_alive);
    PackedPart other = packed_in_order(n, most_alive);
    if (other.packing.peak_bytes < packed.packing.peak_bytes) packed = std::move(other);
    if (!next.valid()) continue;
    other = next.get();
    if (other.packing.peak_bytes < packed.packing.peak_bytes) packed = std::move(other);
  }
  return packed.packing.peak_bytes < before;
}

}  // namespace

void pack_tighter(RunPlan& plan, const RunPlanRequest& request) {
  std::size_t bound = 0;
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part(
        [&](const PackedPart& packed) { bound = std::max(bound, packed.packing.lower_bound_bytes); });
  bool changed = false;
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& packed) {
      if (packed.packing.peak_bytes > bound) changed |= packed_tighter(packed, request);
    });
  if (changed) account(plan, request);
}

WorkspaceCaps workspace_caps_within(RunPlan& plan, std::size_t budget_bytes) {
  WorkspaceCaps caps;
  const std::size_t arena_bytes = budget_bytes - std::min(budget_bytes, plan.arena_offset);
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& packed) {
      const std::vector<Instruction>& instructions = packed.part.instructions;
      std::vector<std::size_t> live(instructions.size(), 0);
      for (const Lifetime& l : packed.lifetimes)
        for (int i = l.first; i <= l.last && static_cast<std::size_t>(i) < live.size(); ++i)
          if (l.value >= 0) live[static_cast<std::size_t>(i)] += l.bytes;
      std::map<NodeId, std::size_t>& of_nodes = caps.of_nodes[program->graph];
      for (std::size_t i = 0; i < instructions.size(); ++i) {
        if (instructions[i].node < 0) continue;
        const std::size_t room = arena_bytes - std::min(arena_bytes, live[i]);
        const auto [known, added] = of_nodes.emplace(instructions[i].node, room);
        if (!added) known->second = std::min(known->second, room);
      }
    });
  return caps;
}

}  // namespace sluice
