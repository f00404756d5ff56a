#include <sluice/mbp/plan/account.h>

#include <algorithm>
#include <set>
#include <string>

#include <sluice/core/at.h>
#include <sluice/core/device.h>
#include <sluice/core/hash.h>

namespace sluice {
namespace {

/// Bytes of the values stored across stages, with which the arena begins.
std::size_t stored_bytes(const RunPlan& plan) {
  std::size_t bytes = 0;
  for (int id = 0; id < plan.storages.size(); ++id)
    if (region_of(plan.storages[id].category) == Region::arena) bytes += plan.storages.bytes(id);
  return bytes;
}

/// The ledger: storages as they are, and the arena at the moment of its highest use in the part that decides its size.
void fill_ledger(RunPlan& plan) {
  Plan& summary = plan.summary;
  summary.ledger = {};
  summary.workspace_bytes = 0;
  summary.arena_bytes = summary.arena_lower_bound_bytes = stored_bytes(plan);
  for (int id = 0; id < plan.storages.size(); ++id)
    summary.ledger.plan(plan.storages[id].category, plan.storages[id].layer, plan.storages.bytes(id));

  std::size_t peak = 0, bound = 0;
  const PackedPart* largest = nullptr;
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& part) {
      for (const Instruction& instruction : part.part.instructions)
        summary.workspace_bytes = std::max(summary.workspace_bytes, instruction.workspace_bytes);
      bound = std::max(bound, part.packing.lower_bound_bytes);
      if (part.packing.peak_bytes <= peak) return;
      peak = part.packing.peak_bytes;
      largest = &part;
    });
  summary.arena_bytes += peak;
  summary.arena_lower_bound_bytes += bound;
  plan.peak_part = largest;
  if (!largest) return;

  std::size_t most = 0;
  for (int i = 0; i < static_cast<int>(largest->part.instructions.size()); ++i) {
    std::size_t live = 0;
    for (const Lifetime& l : largest->lifetimes)
      if (l.first <= i && i <= l.last) live += l.bytes;
    if (live > most) {
      most = live;
      plan.peak_instruction = i;
    }
  }
  visit_peak(plan, [&](Category category, const std::string& layer, const Lifetime& l, int) {
    summary.ledger.plan(category, layer, l.bytes);
  });
  // What the packing leaves between live values belongs to nobody, and is listed so.
  if (peak > most) summary.ledger.plan(Category::activation, fragmentation_layer, peak - most);
}

/// Which kind of algorithm a kernel has, by the name that its library gives it. cuDNN's engines do not name theirs.
std::string class_of(const std::string& algorithm) {
  const auto has = [&](std::string_view part) { return algorithm.find(part) != std::string::npos; };
  if (has("wino")) return "Winograd";
  if (algorithm.starts_with("engine")) return "cuDNN";
  if (has("gemm")) return "matrix product";
  return has("ref") ? "reference" : "direct";
}

void count_convolutions(RunPlan& plan, Precision precision) {
  plan.summary.precision = name(precision);
  plan.summary.convolutions.clear();
  const Program& program = plan.main();
  if (program.replayed.empty()) return;
  std::set<NodeId> counted;  // recomputation runs a node twice
  for (const PackedPart& packed : program.replayed.rbegin()->second)
    for (const Instruction& i : packed.part.instructions) {
      const std::string algorithm = i.kernel->algorithm();
      if (i.node < 0 || algorithm.empty() || !counted.insert(i.node).second) continue;
      if (program.graph->node(i.node).op->algorithm_family() == "convolution")
        ++plan.summary.convolutions[class_of(algorithm)];
    }
}

void hash_part(Hash& hash, const PackedPart& packed) {
  hash.add(packed.part.name).add(static_cast<std::uint64_t>(packed.part.micro_batch));
  for (const Instruction& instruction : packed.part.instructions) {
    hash.add(instruction.str()).add(instruction.kernel->algorithm()).add(instruction.workspace_bytes);
    for (const int v : instruction.inputs) hash.add(static_cast<std::uint64_t>(v));
    for (const int v : instruction.outputs) hash.add(static_cast<std::uint64_t>(v));
  }
  for (const PartValue& value : packed.part.values)
    hash.add(value.name)
        .add(value.dims.str())
        .add(value.layout.identity())
        .add(static_cast<std::uint64_t>(value.storage));
  for (const std::size_t offset : packed.packing.offsets) hash.add(offset);
}

std::string plan_hash(RunPlan& plan, const RunPlanRequest& request) {
  Hash hash;
  hash.add(request.backend->fingerprint());
  if (request.training) hash.add(request.training->graph->fingerprint());
  hash.add(request.evaluation->graph->fingerprint());
  hash.add(static_cast<std::uint64_t>(request.batch)).add(static_cast<std::uint64_t>(request.data->samples));
  for (int id = 0; id < plan.storages.size(); ++id)
    hash.add(plan.storages[id].name)
        .add(plan.storages.bytes(id))
        .add(plan.storage_offsets[at(id)])
        .add(plan.storages.layout(id).identity());
  for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
    program->for_each_part([&](PackedPart& part) { hash_part(hash, part); });
  return hash.str();
}

}  // namespace

void account(RunPlan& plan, const RunPlanRequest& request) {
  fill_ledger(plan);
  count_convolutions(plan, request.backend->precision());
  plan.summary.hash = plan_hash(plan, request);
}

}  // namespace sluice
