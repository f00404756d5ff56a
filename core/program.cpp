#include <sluice/core/program.h>

#include <algorithm>

#include <sluice/core/at.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice {

int StorageTable::get(const StorageKey& key, Storage fresh) {
  const auto [entry, added] = ids_.emplace(key, size());
  if (added) {
    fresh.key = key;
    storages_.push_back(std::move(fresh));
  }
  return entry->second;
}

int StorageTable::find(const StorageKey& key) const {
  const auto found = ids_.find(key);
  return found == ids_.end() ? -1 : found->second;
}

int StorageTable::root(int id) const {
  while ((*this)[id].layout_of >= 0) id = (*this)[id].layout_of;
  return id;
}

const Layout& StorageTable::layout(int id) const { return (*this)[root(id)].layout; }
bool StorageTable::pinned(int id) const { return (*this)[root(id)].pinned; }

void StorageTable::pin(int id, const Layout& layout) {
  Storage& storage = (*this)[root(id)];
  storage.layout = layout;
  storage.pinned = true;
}

std::size_t StorageTable::slot_bytes(int id) const {
  const Storage& storage = (*this)[id];
  return std::max(storage.least_bytes, layout(id).bytes(storage.dims, storage.dtype));
}

std::size_t StorageTable::bytes(int id) const {
  return aligned(slot_bytes(id)) * static_cast<std::size_t>((*this)[id].slots);
}

int Part::add(PartValue value) {
  values.push_back(std::move(value));
  return static_cast<int>(values.size()) - 1;
}

void Part::add(Instruction instruction) {
  instruction.workspace_bytes = instruction.kernel->workspace_bytes();
  instructions.push_back(std::move(instruction));
}

int Part::root(int value) const {
  while (values[at(value)].alias >= 0) value = values[at(value)].alias;
  return value;
}

namespace {

void share_in_place(Part& part, int i) {
  const Instruction& instruction = part.instructions[at(i)];
  if (instruction.outputs.empty()) return;
  PartValue& result = part.values[at(instruction.outputs[0])];
  if (result.storage >= 0) return;
  for (const int which : instruction.in_place) {
    const int in = instruction.inputs[at(which)];
    const int root = part.root(in);
    PartValue& source = part.values[at(root)];
    int uses = 0;
    for (const int v : instruction.inputs) uses += part.root(v) == root;
    if (source.storage >= 0 || source.last != i || uses != 1 || part.values[at(in)].layout != result.layout ||
        part.values[at(in)].bytes() != result.bytes())
      continue;
    result.alias = root;
    source.last = std::max(source.last, result.last);
    return;
  }
}

}  // namespace

void set_lifetimes(Part& part) {
  for (PartValue& value : part.values) {
    value.first = value.last = -1;
    if (!value.view) value.alias = -1;
  }
  const auto touch = [&](int v, int when) {
    PartValue& root = part.values[at(part.root(v))];
    if (root.first < 0) root.first = when;
    root.last = std::max(root.last, when);
  };
  const int count = static_cast<int>(part.instructions.size());
  for (int i = 0; i < count; ++i) {
    for (const int v : part.instructions[at(i)].inputs) touch(v, i);
    for (const int v : part.instructions[at(i)].outputs) touch(v, i);
  }
  for (const int v : part.live_out) touch(v, count);
  for (int i = 0; i < count; ++i) share_in_place(part, i);
}

std::vector<Lifetime> arena_lifetimes(const Part& part) {
  std::vector<Lifetime> lifetimes;
  for (int v = 0; v < static_cast<int>(part.values.size()); ++v) {
    const PartValue& value = part.values[at(v)];
    if (value.storage < 0 && value.alias < 0)
      lifetimes.push_back({value.first, value.last, aligned(value.bytes()), v, -1});
  }
  for (int i = 0; i < static_cast<int>(part.instructions.size()); ++i)
    if (const std::size_t bytes = part.instructions[at(i)].workspace_bytes)
      lifetimes.push_back({i, i, aligned(bytes), -1, i});
  return lifetimes;
}

PartAddresses bind_part(Part& part, std::span<void* const> storage_addresses, std::byte* arena,
                        std::span<const Lifetime> lifetimes, std::span<const std::size_t> offsets) {
  PartAddresses addresses;
  addresses.values.assign(part.values.size(), nullptr);
  addresses.workspaces.assign(part.instructions.size(), nullptr);
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    if (lifetimes[i].value >= 0)
      addresses.values[at(lifetimes[i].value)] = arena + offsets[i];
    else
      addresses.workspaces[at(lifetimes[i].instruction)] = arena + offsets[i];
  }
  for (int v = 0; v < static_cast<int>(part.values.size()); ++v) {
    const int root = part.root(v);
    const int storage = part.values[at(root)].storage;
    addresses.values[at(v)] = storage >= 0 ? storage_addresses[at(storage)] : addresses.values[at(root)];
  }
  for (std::size_t i = 0; i < part.instructions.size(); ++i) {
    Instruction& instruction = part.instructions[i];
    Addresses operands;
    for (const int v : instruction.inputs) operands.inputs.push_back(addresses.values[at(v)]);
    for (const int v : instruction.outputs) operands.outputs.push_back(addresses.values[at(v)]);
    operands.workspace = addresses.workspaces[i];
    const RunningKernel running(instruction.name.c_str());
    instruction.kernel->bind(operands);
  }
  return addresses;
}

void run_part(const Part& part, const RunContext& context) {
  for (const Instruction& instruction : part.instructions) {
    const RunningKernel running(instruction.name.c_str());
    instruction.kernel->run(context);
  }
}

}  // namespace sluice
