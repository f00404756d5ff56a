// Any text is a packing problem or a DataError; what is written with offsets is the same problem, read back with them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include <sluice/core/error.h>

#include "tool/packing_csv.h"

namespace {

using sluice::PackingItem;
using sluice::samples::PackingCsv;

std::optional<PackingCsv> parse(std::string text, bool fixed_offsets) try {
  return sluice::samples::parse_packing_csv(std::move(text), "input", fixed_offsets);
} catch (const sluice::DataError&) {
  return std::nullopt;
}

bool same(const PackingItem& a, const PackingItem& b) {
  return a.lower == b.lower && a.upper == b.upper && a.bytes == b.bytes && a.alignment == b.alignment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto csv = parse(text, false);
  if (!csv) {
    if (parse(text, true)) std::abort();
    return 0;
  }
  std::vector<std::size_t> offsets;
  for (const PackingItem& item : csv->items) {
    if (item.upper <= item.lower || item.alignment < 1) std::abort();
    offsets.push_back(3 * offsets.size());
  }
  if (csv->lines.size() != csv->items.size()) std::abort();
  const auto again = parse(sluice::samples::with_offsets(*csv, offsets), true);
  if (!again || again->items.size() != csv->items.size()) std::abort();
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (!same(csv->items[i], again->items[i]) || again->items[i].fixed_offset != offsets[i]) std::abort();
  return 0;
}
