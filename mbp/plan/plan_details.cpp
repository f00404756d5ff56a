#include <sluice/mbp/plan/plan_details.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <sluice/core/at.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/mbp/plan/touched_memory.h>

namespace sluice {
namespace {

/// Which nodes of the training graph gradients need, and neither loss nor metrics do.
std::vector<bool> backward_nodes(const StepGraph& training) {
  std::vector<ValueId> gradients, outputs{training.loss.id()};
  for (const auto& [parameter, var] : training.gradients) gradients.push_back(var.id());
  for (const auto& [name, var] : training.metrics) outputs.push_back(var.id());
  std::vector<bool> backward(at(training.graph->nodes()));
  for (const NodeId node : training.graph->ancestors(gradients)) backward[at(node)] = true;
  for (const NodeId node : training.graph->ancestors(outputs)) backward[at(node)] = false;
  return backward;
}

std::vector<InstructionDetails> instructions_of(const Part& part, const std::vector<bool>* backward,
                                                std::set<NodeId>& ran) {
  std::vector<InstructionDetails> result;
  for (const Instruction& i : part.instructions)
    result.push_back({.name = i.name,
                      .layer = i.layer,
                      .algorithm = i.kernel->algorithm(),
                      .node = i.node,
                      .workspace_bytes = i.workspace_bytes,
                      .backward = backward && i.node >= 0 && (*backward)[at(i.node)],
                      .recomputed = i.node >= 0 && !ran.insert(i.node).second,
                      .accumulates = i.accumulates});
  return result;
}

Role role_of(const InstructionDetails& maker) {
  if (maker.node < 0) return Role::copy;
  return maker.backward ? Role::gradient : Role::activation;
}

/// Names of the values that lie in the memory of `root`, itself left out.
std::string sharing(const Part& part, int root) {
  std::string names;
  for (int v = 0; v < static_cast<int>(part.values.size()); ++v) {
    const PartValue& value = part.values[at(v)];
    if (v == root || value.alias < 0 || part.root(v) != root || value.name == part.values[at(root)].name) continue;
    names += (names.empty() ? "" : ", ") + (value.layer.empty() ? value.name : value.layer + " " + value.name);
  }
  return names;
}

ItemDetails item_of(const RunPlan& plan, const PackedPart& packed, const PartDetails& details, int index,
                    const TouchedMemory* touched) {
  const Lifetime& lifetime = packed.lifetimes[at(index)];
  ItemDetails item{.first = lifetime.first,
                   .last = lifetime.last,
                   .offset = plan.arena_offset + packed.packing.offsets[at(index)],
                   .bytes = lifetime.bytes};
  if (lifetime.value >= 0) {
    const PartValue& value = packed.part.values[at(lifetime.value)];
    item.name = value.name;
    item.layer = value.layer;
    item.shares = sharing(packed.part, lifetime.value);
    item.role = role_of(details.instructions[at(lifetime.first)]);
  } else {
    const InstructionDetails& user = details.instructions[at(lifetime.instruction)];
    item.name = user.name + " workspace";
    item.layer = user.layer;
    item.category = Category::workspace;
    item.role = Role::workspace;
  }
  if (touched && touched->tells_lifetimes_apart)
    item.measured_bytes = touched->lifetime(packed, index) ? item.bytes : 0;
  return item;
}

PartDetails part_of(const RunPlan& plan, const PartPlace& place, const std::vector<bool>* backward,
                    std::set<NodeId>& ran, const TouchedMemory* touched) {
  const PackedPart& packed = *place.part;
  PartDetails details{.program = place.program->name,
                      .name = packed.part.name,
                      .kind = place.kind,
                      .stage = place.stage,
                      .micro_batch = packed.part.micro_batch,
                      .instructions = instructions_of(packed.part, backward, ran),
                      .items = {},
                      .live_bytes = {},
                      .lower_bound_bytes = packed.packing.lower_bound_bytes,
                      .peak_bytes = packed.packing.peak_bytes};
  details.live_bytes.resize(details.instructions.size());
  for (int i = 0; i < static_cast<int>(packed.lifetimes.size()); ++i) {
    details.items.push_back(item_of(plan, packed, details, i, touched));
    const ItemDetails& item = details.items.back();
    for (int k = item.first; k <= std::min(item.last, static_cast<int>(details.live_bytes.size()) - 1); ++k)
      details.live_bytes[at(k)] += item.bytes;
  }
  return details;
}

void add_storages(PlanDetails& details, const RunPlan& plan, const TouchedMemory* touched) {
  for (int id = 0; id < plan.storages.size(); ++id) {
    const Storage& storage = plan.storages[id];
    details.storages.push_back({.name = storage.name,
                                .layer = storage.layer,
                                .category = storage.category,
                                .offset = plan.storage_offsets[at(id)],
                                .bytes = plan.storages.bytes(id),
                                .slots = storage.slots});
    StorageDetails& last = details.storages.back();
    if (touched) last.measured_bytes = touched->storage(id) ? last.bytes : 0;
  }
  std::sort(details.storages.begin(), details.storages.end(), [](const StorageDetails& a, const StorageDetails& b) {
    return std::tie(a.offset, a.bytes) < std::tie(b.offset, b.bytes);
  });
}

void largest_first(std::vector<Holder>& holders) {
  std::stable_sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) { return a.bytes > b.bytes; });
}

}  // namespace

std::vector<PartPlace> parts_in_order(const RunPlan& plan) {
  std::vector<PartPlace> places;
  for (const Program* program : {&plan.train, &plan.evaluate, &plan.predict}) {
    const auto add = [&](PartKind kind, int stage, const PackedPart& part) {
      if (!part.part.instructions.empty()) places.push_back({program, kind, stage, &part});
    };
    add(PartKind::prologue, -1, program->prologue);
    if (!program->derived.empty()) add(PartKind::derived, -1, program->derived[0]);
    for (int s = 0; s < static_cast<int>(program->once.size()); ++s) {
      for (const std::int64_t size : plan.summary.sizes)  // the largest first
        if (const auto parts = program->replayed.find(size); parts != program->replayed.end())
          add(PartKind::replayed, s, parts->second[at(s)]);
      add(PartKind::once, s, program->once[at(s)]);
      add(PartKind::derived, s, program->derived[at(s + 1)]);
    }
    add(PartKind::writers, static_cast<int>(program->once.size()) - 1, program->writers);
  }
  return places;
}

PlanDetails make_plan_details(const RunPlan& plan, const StepGraph& training, const TouchedMemory* touched) {
  PlanDetails details{.summary = plan.summary,
                      .regions = {},
                      .storages = {},
                      .arena_offset = plan.arena_offset,
                      .parts = {},
                      .ledger = plan.summary.ledger};
  for (const Region region : {Region::persistent, Region::derived, Region::staging, Region::arena}) {
    details.regions.push_back({region, plan.summary.region_offset(region), plan.summary.region_bytes(region)});
    if (touched) details.regions.back().measured_bytes = touched->region_bytes(region);
  }
  add_storages(details, plan, touched);
  const std::vector<bool> backward = plan.train.replayed.empty() ? std::vector<bool>() : backward_nodes(training);
  std::map<std::pair<const Program*, std::int64_t>, std::set<NodeId>>
      ran;  // of one micro-batch size, stage after stage
  for (const PartPlace& place : parts_in_order(plan)) {
    if (place.part == plan.peak_part) details.peak_part = static_cast<int>(details.parts.size());
    details.parts.push_back(part_of(plan, place, place.program == &plan.train ? &backward : nullptr,
                                    ran[{place.program, place.part->part.micro_batch}], touched));
  }
  if (touched) {
    measure(plan, *touched, details.ledger);
    details.measured_by = touched->tells_lifetimes_apart ? MeasuredBy::verified : MeasuredBy::scanned;
  }
  return details;
}

int PartDetails::peak_instruction() const {
  return static_cast<int>(std::max_element(live_bytes.begin(), live_bytes.end()) - live_bytes.begin());
}

std::vector<Holder> PlanDetails::holders_at_peak() const {
  std::vector<Holder> holders;
  for (const StorageDetails& s : storages) holders.push_back({s.name, s.layer, s.category, s.bytes, s.measured_bytes});
  if (peak_part >= 0) {
    const PartDetails& part = parts[at(peak_part)];
    const int peak = part.peak_instruction();
    for (const ItemDetails& i : part.items)
      if (i.first <= peak && peak <= i.last)
        holders.push_back({i.name, i.layer, i.category, i.bytes, i.measured_bytes});
  }
  largest_first(holders);
  return holders;
}

std::vector<Holder> PlanDetails::layers_at_peak() const {
  std::map<std::string, Ledger::Entry> layers;
  for (const auto& [key, entry] : ledger.rows()) {
    layers[key.second].planned_bytes += entry.planned_bytes;
    layers[key.second].measured_bytes += entry.measured_bytes;
  }
  std::vector<Holder> holders;
  for (const auto& [layer, entry] : layers) {
    holders.push_back({.name = {}, .layer = layer, .bytes = entry.planned_bytes});
    if (measured_by >= MeasuredBy::scanned) holders.back().measured_bytes = entry.measured_bytes;
  }
  largest_first(holders);
  return holders;
}

std::string_view name(Role role) {
  switch (role) {
    case Role::activation: return "activation";
    case Role::gradient: return "activation gradient";
    case Role::copy: return "copy";
    case Role::workspace: return "workspace";
  }
  return "?";
}

std::string_view name(PartKind kind) {
  switch (kind) {
    case PartKind::prologue: return "prologue";
    case PartKind::derived: return "derived";
    case PartKind::replayed: return "replayed";
    case PartKind::once: return "once";
    case PartKind::writers: return "writers";
  }
  return "?";
}

std::string_view name(MeasuredBy how) {
  switch (how) {
    case MeasuredBy::nothing: return "nothing";
    case MeasuredBy::scanned: return "scanned";
    case MeasuredBy::verified: return "verified";
  }
  return "?";
}

}  // namespace sluice
