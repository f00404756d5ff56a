#include <sluice/mbp/seen.h>

#include <algorithm>
#include <span>

#include <sluice/mbp/slab.h>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

bool differs(std::span<const std::byte> bytes, std::byte fill) {
  return std::any_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b != fill; });
}

}  // namespace

Seen seen_in(const Slab& slab) {
  const auto written = [&slab](std::size_t begin, std::size_t bytes) {
    return differs(slab.bytes().subspan(begin, bytes), std::byte{slab.poison()});
  };
  return {
      .storage = [&slab, written](
                     int id) { return written(slab.plan().storage_offsets[at(id)], slab.plan().storages.bytes(id)); },
      .lifetime =
          [&slab, written](const PackedPart& part, int lifetime) {
            return written(slab.plan().arena_offset + part.packing.offsets[at(lifetime)],
                           part.lifetimes[at(lifetime)].bytes);
          },
      .region_bytes =
          [&slab](Region region) {
            const Plan& plan = slab.plan().summary;
            auto bytes = slab.bytes().subspan(plan.region_offset(region), plan.region_bytes(region));
            while (!bytes.empty() && bytes.back() == std::byte{slab.poison()}) bytes = bytes.first(bytes.size() - 1);
            return bytes.size();
          },
      .tells_lifetimes_apart = false};
}

void measure(const RunPlan& plan, const Seen& seen, Ledger& ledger) {
  std::size_t arena_bytes = 0;
  for (int id = 0; id < plan.storages.size(); ++id) {
    const Storage& storage = plan.storages[id];
    if (!seen.storage(id)) continue;
    ledger.measure(storage.category, storage.layer, plan.storages.bytes(id));
    if (region_of(storage.category) == Region::arena) arena_bytes += plan.storages.bytes(id);
  }
  visit_peak(plan, [&](Category category, const std::string& layer, const Lifetime& lifetime, int index) {
    if (!seen.lifetime(*plan.peak_part, index)) return;
    ledger.measure(category, layer, lifetime.bytes);
    arena_bytes += lifetime.bytes;
  });
  if (const std::size_t arena = seen.region_bytes(Region::arena); arena > arena_bytes)
    ledger.measure(Category::activation, fragmentation_layer, arena - arena_bytes);
}

}  // namespace sluice
