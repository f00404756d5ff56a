#pragma once

#include <array>
#include <optional>
#include <string>

#include "common/report_data.h"

namespace sluice::samples {

// The figures of the report's page as SVG files: the same data, 720 wide, in the colours of its light theme.

/// Bytes of the arena over the kernels of one replay: a rectangle for each tensor and workspace, where it lies, and the
/// layers below. The replay is the one that the page opens with.
std::string draw_memory_map(const ReportData& report);
/// Bytes in use over one step, by category.
std::string draw_step(const ReportData& report);
/// Planned peak and predicted time for other choices; empty where there are none.
std::string draw_what_if(const ReportData& report);
/// Planned peak after each pass of the planner; empty where it is not known.
std::string draw_waterfall(const ReportData& report);

struct Figure {
  const char* flag;  ///< in the list of outputs: "--svg memory_map.svg"
  std::string (*draw)(const ReportData& report);

  /// "memory_map.svg".
  std::string file_name() const { return std::string(flag).substr(sizeof("--svg ") - 1); }
};

inline constexpr std::array<Figure, 4> figures{{{"--svg memory_map.svg", draw_memory_map},
                                                {"--svg step.svg", draw_step},
                                                {"--svg what_if.svg", draw_what_if},
                                                {"--svg waterfall.svg", draw_waterfall}}};

/// The part that figures show first: training of a micro-batch of the plan's size, the stage that takes most. Null:
/// there is no part.
const PartDetails* first_part(const PlanDetails& details);

/// "training: micro-batch of 293".
std::string part_title(const PlanDetails& details, const PartDetails& part);

/// Layer and name; a parameter's name begins with its layer's.
std::string full_name(const std::string& layer, const std::string& name);

/// Bytes at the bottom of the arena that are stored for a later stage.
std::size_t kept_bytes(const PlanDetails& details);

}  // namespace sluice::samples
