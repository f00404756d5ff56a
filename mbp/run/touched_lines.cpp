#include <sluice/mbp/run/touched_lines.h>

#include <cstdint>
#include <memory>
#include <vector>

#include <sluice/core/at.h>
#include <sluice/mbp/run/slab.h>

namespace sluice {
namespace {

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

TouchedMemory touched_in(const Slab& slab) {
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

}  // namespace sluice
