#include <sluice/core/ledger.h>

namespace sluice {

std::string_view name(Category category) {
  switch (category) {
    case Category::parameter: return "parameter";
    case Category::gradient: return "gradient";
    case Category::optimizer: return "optimizer";
    case Category::buffer: return "buffer";
    case Category::batch: return "batch values";
    case Category::derived: return "derived";
    case Category::staging: return "staging";
    case Category::activation: return "activation";
    case Category::workspace: return "workspace";
    case Category::loader: return "loader";
    case Category::count: break;
  }
  return "?";
}

std::string_view name(Region region) {
  switch (region) {
    case Region::persistent: return "persistent";
    case Region::derived: return "derived";
    case Region::staging: return "staging";
    case Region::arena: return "arena";
    case Region::count: break;
  }
  return "?";
}

Region region_of(Category category) {
  switch (category) {
    case Category::derived: return Region::derived;
    case Category::staging: return Region::staging;
    case Category::activation:
    case Category::workspace: return Region::arena;
    default: return Region::persistent;
  }
}

Ledger::Entry Ledger::total(Category category) const {
  Entry sum;
  for (const auto& [key, entry] : rows_)
    if (key.first == category) {
      sum.planned_bytes += entry.planned_bytes;
      sum.measured_bytes += entry.measured_bytes;
    }
  return sum;
}

}  // namespace sluice
