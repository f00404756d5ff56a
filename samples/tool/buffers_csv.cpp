#include "tool/buffers_csv.h"

#include <algorithm>

#include <fmt/format.h>
#include <sluice/core/program.h>

#include "common/figures/figures.h"

namespace sluice::samples {
namespace {

/// A cell that may hold anything but the end of a line.
std::string quoted(const std::string& text) {
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell + "\"";
}

}  // namespace

std::string buffers_csv(const PlanDetails& details) {
  std::string text = "id,lower,upper,size,alignment,offset\n";
  if (details.peak_part < 0) return text;
  const PartDetails& part = details.parts[static_cast<std::size_t>(details.peak_part)];
  const std::size_t arena = details.summary.region_offset(Region::arena);
  int end = static_cast<int>(part.instructions.size());
  for (const ItemDetails& item : part.items) end = std::max(end, item.last + 1);
  int number = 0;  // makes ids unique
  const auto add = [&](const std::string& name, int lower, int upper, std::size_t bytes, std::size_t offset) {
    text += fmt::format("{},{},{},{},{},{}\n", quoted(fmt::format("{} {}", number++, name)), lower, upper, bytes,
                        slab_alignment, offset - arena);
  };
  for (const StorageDetails& kept : details.storages)
    if (kept.offset >= arena) add(full_name(kept.layer, kept.name), 0, end, kept.bytes, kept.offset);
  for (const ItemDetails& item : part.items)
    add(full_name(item.layer, item.name), item.first, item.last + 1, item.bytes, item.offset);
  return text;
}

}  // namespace sluice::samples
