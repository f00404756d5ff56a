#include <sluice/mbp/run/verify.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <sluice/core/at.h>
#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>

namespace sluice {

std::string Verifier::warning_of_cost(std::size_t slab_bytes, bool host_visible) {
  constexpr std::size_t little = std::size_t{1} << 30;
  if (host_visible || slab_bytes <= little) return {};
  return "sluice: WARNING: verify mode copies all " + format_bytes(slab_bytes) +
         " of the slab from the device after every kernel and compares them on the host, which takes long; a smaller "
         "micro-batch takes less\n";
}

Verifier::Verifier(Slab& slab, unsigned char poison) : slab_(slab), poison_(poison) {
  std::fputs(warning_of_cost(slab.total_bytes(), slab.backend().host_visible()).c_str(), stderr);
  resync();
  const StorageTable& storages = slab.plan().storages;
  for (int id = 0; id < storages.size(); ++id) {
    if (storages[id].category == Category::staging && !storages[id].leaf) incoming_.push_back(id);
    if (storages[id].leaf && storages[id].leaf->kind != LeafKind::input && storages[id].leaf->kind != LeafKind::scalar)
      touched_storages_.insert(id);
  }
}

Verifier::Range Verifier::range_of_value(const PackedPart& part, int value) const {
  const int root = part.part.root(value);
  const PartValue& owner = part.part.values[at(root)];
  const RunPlan& plan = slab_.plan();
  if (owner.storage >= 0) {
    const std::size_t begin = plan.storage_offsets[at(owner.storage)];
    // A value stored across stages may be in any of its slots.
    const std::size_t bytes = plan.storages[owner.storage].slots > 1 ? plan.storages.bytes(owner.storage)
                                                                     : plan.storages.slot_bytes(owner.storage);
    return {.begin = begin, .end = begin + bytes, .storage = owner.storage};
  }
  for (int i = 0; i < static_cast<int>(part.lifetimes.size()); ++i) {
    if (part.lifetimes[at(i)].value != root) continue;
    const std::size_t begin = plan.arena_offset + part.packing.offsets[at(i)];
    return {.begin = begin, .end = begin + owner.bytes(), .lifetime = i};
  }
  throw Error("verify: a value without a place");
}

std::vector<Verifier::Range> Verifier::ranges_of(const PackedPart& part, int index) const {
  const Instruction& instruction = part.part.instructions[at(index)];
  std::vector<Range> ranges;
  for (const int output : instruction.outputs) {
    Range range = range_of_value(part, output);
    const bool shared = std::any_of(instruction.inputs.begin(), instruction.inputs.end(),
                                    [&](int input) { return range_of_value(part, input).begin == range.begin; });
    const bool stored = range.storage >= 0 && slab_.plan().storages[range.storage].slots > 1;
    range.fresh = !instruction.accumulates && !shared && !stored;
    ranges.push_back(range);
  }
  for (const int input : instruction.mutated) ranges.push_back(range_of_value(part, instruction.inputs[at(input)]));
  for (int i = 0; i < static_cast<int>(part.lifetimes.size()); ++i) {
    if (part.lifetimes[at(i)].instruction != index) continue;
    const std::size_t begin = slab_.plan().arena_offset + part.packing.offsets[at(i)];
    ranges.push_back({.begin = begin, .end = begin + instruction.workspace_bytes, .lifetime = i, .fresh = true});
  }
  return ranges;
}

void Verifier::run(const PackedPart& part, const RunContext& context) {
  for (int i = 0; i < static_cast<int>(part.part.instructions.size()); ++i) {
    const Instruction& instruction = part.part.instructions[at(i)];
    const std::vector<Range> ranges = ranges_of(part, i);
    poison_outputs(ranges);
    {
      const RunningKernel running(instruction.name.c_str());
      instruction.kernel->run(context);
      slab_.backend().synchronize();
    }
    const Bytes now = content();
    check_others(part, instruction, ranges, now);
    check_cleared(part, instruction, now);
    note_changes(part, ranges, now);
  }
}

void Verifier::poison_outputs(const std::vector<Range>& ranges) {
  for (const Range& range : ranges) {
    if (!range.fresh) continue;
    slab_.fill(range.begin, range.end - range.begin, poison_);
    std::memset(shadow_.data() + range.begin, poison_, range.end - range.begin);
  }
}

void Verifier::check_others(const PackedPart& part, const Instruction& instruction, std::vector<Range> ranges,
                            Bytes now) const {
  for (const int id : incoming_) {
    const std::size_t begin = slab_.plan().storage_offsets[at(id)];
    ranges.push_back({.begin = begin, .end = begin + slab_.plan().storages.slot_bytes(id)});
  }
  ranges.push_back({.begin = now.size(), .end = now.size()});
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::size_t from = 0;
  for (const Range& range : ranges) {
    if (range.begin > from && std::memcmp(now.data() + from, shadow_.data() + from, range.begin - from) != 0) {
      std::size_t where = from;
      while (now[where] == shadow_[where]) ++where;
      throw VerifyError("verify: kernel '" + instruction.str() + "' (" + part.part.name + ", micro-batch " +
                        std::to_string(part.part.micro_batch) + ") wrote outside its ranges, at byte " +
                        std::to_string(where) + " of the slab: " + owner_of(part, where));
    }
    from = std::max(from, range.end);
  }
}

void Verifier::check_cleared(const PackedPart& part, const Instruction& instruction, Bytes now) const {
  for (const int input : instruction.cleared) {
    const Range range = range_of_value(part, instruction.inputs[at(input)]);
    const auto bytes = now.subspan(range.begin, range.end - range.begin);
    if (!std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; }))
      throw VerifyError("verify: kernel '" + instruction.str() + "' says that it leaves input " +
                        std::to_string(input) + " at zero, and does not");
  }
}

void Verifier::note_changes(const PackedPart& part, const std::vector<Range>& ranges, Bytes now) {
  for (const Range& range : ranges) {
    const std::size_t bytes = range.end - range.begin;
    if (std::memcmp(now.data() + range.begin, shadow_.data() + range.begin, bytes) != 0) note_touched(&part, range);
    std::memcpy(shadow_.data() + range.begin, now.data() + range.begin, bytes);
  }
}

Verifier::Bytes Verifier::content() { return slab_.content(0, slab_.total_bytes(), content_); }

void Verifier::resync() {
  const Bytes now = content();
  shadow_.assign(now.begin(), now.end());
}

void Verifier::host_wrote(int storage) {
  const std::size_t begin = slab_.plan().storage_offsets[at(storage)];
  const std::size_t bytes = slab_.plan().storages.bytes(storage);
  const Bytes now = slab_.content(begin, bytes, content_);
  if (std::memcmp(now.data(), shadow_.data() + begin, bytes) != 0) touched_storages_.insert(storage);
  std::memcpy(shadow_.data() + begin, now.data(), bytes);
}

void Verifier::note_touched(const PackedPart* part, const Range& range) {
  if (range.storage >= 0)
    touched_storages_.insert(range.storage);
  else
    touched_lifetimes_.emplace(part, range.lifetime);
}

std::string Verifier::owner_of(const PackedPart& part, std::size_t offset) const {
  const RunPlan& plan = slab_.plan();
  for (int id = 0; id < plan.storages.size(); ++id)
    if (offset >= plan.storage_offsets[at(id)] && offset < plan.storage_offsets[at(id)] + plan.storages.bytes(id))
      return plan.storages[id].layer + " " + plan.storages[id].name + " (" +
             std::string(name(plan.storages[id].category)) + ")";
  if (offset >= slab_.planned_bytes()) return "the guard above the plan";
  for (std::size_t i = 0; i < part.lifetimes.size(); ++i) {
    const std::size_t begin = plan.arena_offset + part.packing.offsets[i];
    if (offset < begin || offset >= begin + part.lifetimes[i].bytes) continue;
    const Lifetime& lifetime = part.lifetimes[i];
    return lifetime.value >= 0
               ? part.part.values[at(lifetime.value)].layer + " " + part.part.values[at(lifetime.value)].name
               : "workspace of " + part.part.instructions[at(lifetime.instruction)].str();
  }
  return "free arena memory";
}

std::size_t Verifier::measured_bytes(Region region) const {
  const RunPlan& plan = slab_.plan();
  const std::size_t begin = plan.summary.region_offset(region);
  std::size_t end = begin;
  for (const int id : touched_storages_)
    if (region_of(plan.storages[id].category) == region)
      end = std::max(end, plan.storage_offsets[at(id)] + plan.storages.bytes(id));
  if (region == Region::arena)
    for (const auto& [part, lifetime] : touched_lifetimes_)
      end =
          std::max(end, plan.arena_offset + part->packing.offsets[at(lifetime)] + part->lifetimes[at(lifetime)].bytes);
  return end - begin;
}

std::size_t Verifier::measured_peak_bytes() const {
  std::size_t sum = 0;
  for (const Region region : {Region::persistent, Region::derived, Region::staging, Region::arena})
    sum += measured_bytes(region);
  return sum;
}

TouchedMemory Verifier::touched() const {
  return {.storage = [this](int id) { return touched_storages_.contains(id); },
          .lifetime =
              [this](const PackedPart& part, int lifetime) {
                return touched_lifetimes_.contains({&part, lifetime});
              },
          .region_bytes = [this](Region region) { return measured_bytes(region); },
          .tells_lifetimes_apart = true};
}

}  // namespace sluice
