#include <sluice/mbp/seen.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include <sluice/mbp/slab.h>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Which lines (slab_alignment bytes) of a slab no longer hold what it was filled with at first.
class WrittenLines {
 public:
  explicit WrittenLines(const Slab& slab) : written_(line(slab.total_bytes() + slab_alignment - 1)) {
    constexpr std::size_t piece = std::size_t{16} << 20;
    std::vector<std::byte> copy;
    const std::byte fill{slab.poison()};
    for (std::size_t begin = 0; begin < slab.total_bytes(); begin += piece) {
      const auto bytes = slab.content(begin, std::min(piece, slab.total_bytes() - begin), copy);
      for (std::size_t i = 0; i < bytes.size(); i += slab_alignment) {
        const auto one = bytes.subspan(i, std::min(slab_alignment, bytes.size() - i));
        written_[line(begin + i)] = std::any_of(one.begin(), one.end(), [&](std::byte b) { return b != fill; });
      }
    }
  }

  bool any(std::size_t begin, std::size_t bytes) const { return end(begin, bytes) > begin; }
  /// The end of the last written line in a range; its beginning when there is none.
  std::size_t end(std::size_t begin, std::size_t bytes) const {
    for (std::size_t i = line(begin + bytes + slab_alignment - 1); i > line(begin); --i)
      if (written_[i - 1]) return i * slab_alignment;
    return begin;
  }

 private:
  static std::size_t line(std::size_t byte) { return byte / slab_alignment; }

  std::vector<bool> written_;
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
