#include <sluice/core/kept_values.h>

#include <algorithm>
#include <string>

#include <sluice/core/at.h>
#include <sluice/core/kept_copy.h>

namespace sluice {

/// The slots of a value as a value of the part.
int KeptValues::place(Part& part, const PartValue& value, std::int64_t slots) {
  const int id = storages_.get({.kind = StorageKind::kept, .name = graph_name_, .number = value.value},
                               {.name = value.name + " kept",
                                .layer = value.layer,
                                .category = Category::activation,
                                .dims = {},
                                .dtype = value.dtype,
                                .layout = {},
                                .leaf = {}});
  storages_[id].slots = std::max(storages_[id].slots, slots);
  storages_[id].least_bytes = std::max(storages_[id].least_bytes, value.bytes());
  PartValue kept = value;
  kept.name += " kept";
  kept.storage = id;
  kept.alias = kept.value = -1;
  kept.view = false;
  return part.add(std::move(kept));
}

void KeptValues::copy(Part& part, int from, int to, int storage, std::size_t bytes, bool store) {
  const auto kernel = [&backend = backend_, &storages = storages_, storage, bytes, store]() -> std::unique_ptr<Kernel> {
    return std::make_unique<KeptCopy>(backend, storages, storage, bytes, store);
  };
  Instruction instruction{.name = store ? "store" : "load",
                          .layer = part.values[at(from)].layer,
                          .kernel = kernel(),
                          .inputs = {from},
                          .outputs = {to},
                          .mutated = {}};
  if (!store) instruction.clone_kernel = kernel;
  part.add(std::move(instruction));
}

void KeptValues::store(Part& part, int from, std::int64_t slots) {
  const PartValue value = part.values[at(from)];
  stored_[{value.value, part.micro_batch}] = value;
  const int to = place(part, value, slots);
  copy(part, from, to, part.values[at(to)].storage, value.bytes(), true);
}

int KeptValues::load(Part& part, ValueId v) {
  PartValue value = stored_.at({v, part.micro_batch});
  const int from = place(part, value, 1);
  value.storage = value.alias = -1;
  value.view = false;
  const std::size_t bytes = value.bytes();
  const int to = part.add(std::move(value));
  copy(part, from, to, part.values[at(from)].storage, bytes, false);
  return to;
}

}  // namespace sluice
