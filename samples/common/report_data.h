#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/mbp/plan/plan_details.h>
#include <sluice/mbp/train/memory_report.h>

namespace sluice::samples {

/// Another choice of micro-batch or budget, and what it would take.
struct WhatIfRow {
  std::string name;  ///< "budget 1.0 GiB"
  std::int64_t micro_batch = 0;
  std::size_t budget_bytes = 0;  ///< 0: none; a curve is drawn over the budget where rows differ in it
  std::size_t peak_bytes = 0;
  std::optional<double> step_ms = {};
  bool chosen = false;  ///< this is the plan of the report
};

/// The planned peak after one more pass of the planner.
struct WaterfallRow {
  std::string name;  ///< "micro-batches of 164"
  std::size_t peak_bytes = 0;
};

/// What a report shows. Sections without data are left out of the page.
struct ReportData {
  std::string model, dataset = {};
  PlanDetails details;
  std::optional<MemoryReport> memory = {};            ///< of a run
  std::optional<std::size_t> whole_batch_bytes = {};  ///< planned peak without micro-batches
  std::vector<WhatIfRow> what_if = {};
  std::vector<WaterfallRow> waterfall = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< what, value
};

}  // namespace sluice::samples
