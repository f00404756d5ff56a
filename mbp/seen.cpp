#include <sluice/mbp/seen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include <sluice/mbp/slab.h>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// The lines of a slab that were written.
class WrittenLines {
 public:
  explicit WrittenLines(const Slab& slab) : words_(slab.changed_lines()) {}

  bool any(std::size_t begin, std::size_t bytes) const { return end(begin, bytes) > begin; }
  /// The end of the last written line in a range; its beginning when there is none.
  std::size_t end(std::size_t begin, std::size_t bytes) const {
    for (std::size_t i = line(begin + bytes + slab_alignment - 1); i > line(begin); --i)
      if (written(i - 1)) return i * slab_alignment;
    return begin;
  }

 private:
  static std::size_t line(std::size_t byte) { return byte / slab_alignment; }
  bool written(std::size_t line) const { return ((words_[line / 32] >> (line % 32)) & 1) != 0; }

  std::vector<std::uint32_t> words_;
};

}  // namespace

Seen seen_in(const Slab& slab) {
  const RunPlan& plan = slab.plan();
  const auto lines = std::make_shared<const WrittenLines>(slab);
  return {
      .storage = [&plan, lines](int id) { return lines->any(plan.storage_offsets[at(id)], plan.storages.bytes(id)); },
      .lifetime =
          [&plan, lines](const PackedPart& part, int lifetime) {
            return lines->any(plan.arena_offset + part.packing.offsets[at(lifetime)],
                              part.lifetimes[at(lifetime)].bytes);
          },
      .region_bytes =
          [&plan, lines](Region region) {
            const std::size_t begin = plan.summary.region_offset(region);
            return lines->end(begin, plan.summary.region_bytes(region)) - begin;
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
