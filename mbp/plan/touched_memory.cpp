#include <sluice/mbp/plan/touched_memory.h>

namespace sluice {

void measure(const RunPlan& plan, const TouchedMemory& touched, Ledger& ledger) {
  std::size_t arena_bytes = 0;
  for (int id = 0; id < plan.storages.size(); ++id) {
    const Storage& storage = plan.storages[id];
    if (!touched.storage(id)) continue;
    ledger.measure(storage.category, storage.layer, plan.storages.bytes(id));
    if (region_of(storage.category) == Region::arena) arena_bytes += plan.storages.bytes(id);
  }
  visit_peak(plan, [&](Category category, const std::string& layer, const Lifetime& lifetime, int index) {
    if (!touched.lifetime(*plan.peak_part, index)) return;
    ledger.measure(category, layer, lifetime.bytes);
    arena_bytes += lifetime.bytes;
  });
  if (const std::size_t arena = touched.region_bytes(Region::arena); arena > arena_bytes)
    ledger.measure(Category::activation, fragmentation_layer, arena - arena_bytes);
}

}  // namespace sluice
