#include <algorithm>

#include <fmt/format.h>

#include "common/figures/figures.h"

namespace sluice::samples {
namespace {

bool several_stages(const PlanDetails& details, const PartDetails& part) {
  return std::any_of(details.parts.begin(), details.parts.end(),
                     [&](const PartDetails& other) { return other.program == part.program && other.stage > 0; });
}

std::string kind_text(const PlanDetails& details, const PartDetails& part) {
  const bool stages = several_stages(details, part);
  switch (part.kind) {
    case PartKind::prologue: return "prologue, once a step";
    case PartKind::derived: return "weights reordered, once a step";
    case PartKind::replayed:
      return (stages ? fmt::format("stage {}, ", part.stage) : "") + fmt::format("micro-batch of {}", part.micro_batch);
    case PartKind::once:
      return stages ? fmt::format("after stage {}, once", part.stage) : "after the replays, once a step";
    case PartKind::writers: return "update, once a step";
  }
  return "";
}

}  // namespace

const PartDetails* first_part(const PlanDetails& details) {
  const PartDetails* first = nullptr;
  for (const PartDetails& part : details.parts) {
    const bool titled =
        part.program == "train" && part.kind == PartKind::replayed && part.micro_batch == details.summary.micro_batch;
    if (titled && (!first || part.peak_bytes > first->peak_bytes)) first = &part;
  }
  if (first || details.parts.empty()) return first;
  return &details.parts[details.peak_part >= 0 ? static_cast<std::size_t>(details.peak_part) : 0];
}

std::string part_title(const PlanDetails& details, const PartDetails& part) {
  const char* const program = part.program == "train"      ? "training"
                              : part.program == "evaluate" ? "evaluation"
                                                           : "prediction";
  return fmt::format("{}: {}", program, kind_text(details, part));
}

std::string full_name(const std::string& layer, const std::string& name) {
  return layer.empty() || name.starts_with(layer + ".") ? name : layer + " " + name;
}

std::size_t kept_bytes(const PlanDetails& details) {
  return details.arena_offset - details.summary.region_offset(Region::arena);
}

}  // namespace sluice::samples
