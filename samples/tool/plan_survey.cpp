#include "tool/plan_survey.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <nlohmann/json.hpp>

#include "common/json_text.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::ordered_json;

/// What the JSON says of a plan beside its budget; null where nothing fits.
constexpr const char* row_keys[] = {"micro_batch",        "asked_micro_batch",       "replays",
                                    "persistent_bytes",   "derived_bytes",           "staging_bytes",
                                    "arena_bytes",        "arena_lower_bound_bytes", "workspace_bytes",
                                    "planned_peak_bytes", "recomputed_kernels",      "predicted_relative_time",
                                    "plan_hash"};
constexpr const char* csv_header =
    "budget_bytes,micro_batch,replays,persistent_bytes,derived_bytes,staging_bytes,arena_bytes,"
    "arena_lower_bound_bytes,workspace_bytes,planned_peak_bytes,recomputed_kernels,predicted_relative_time\n";

std::string size_text(std::size_t bytes) { return bytes ? format_bytes(bytes) : "none"; }
std::string size_text(double bytes) {
  return format_bytes(static_cast<std::size_t>(std::llround(std::max(bytes, 0.0))));
}

/// What decided about the fastest micro-batch for a budget: "fastest within 2.0 GiB: 16 by measured replays, …".
std::string fastest_text(const BudgetRow& row) {
  const Plan& p = row.summary();
  std::string text = fmt::format("fastest, budget {}: {} by {}", size_text(row.budget_bytes), p.micro_batch,
                                 p.fastest_by_times ? "measured replays" : "predicted time");
  for (const SizeCandidate& candidate : p.candidates)
    if (candidate.replay_ms)
      text += fmt::format("{} {}: {:.4g} ms, {:.4g} samples/s", &candidate == &p.candidates.front() ? ";" : ",",
                          candidate.micro_batch, *candidate.replay_ms, candidate.samples_per_s());
  return text + "\n";
}

}  // namespace

PlanSurvey survey(const StepPlanner& planner, std::int64_t micro_batch, const std::vector<std::size_t>& budgets) {
  PlanSurvey result;
  const auto whole = planner.plan({.micro_batch = planner.batch(), .caps = {.bytes = SIZE_MAX}}, 0);
  result.whole_step_s = whole->summary.predicted_step_s;
  result.whole_batch_bytes = planner.whole_batch_bytes();
  for (const std::size_t budget : budgets) {
    BudgetRow row{.budget_bytes = budget, .plan = nullptr};
    try {
      row.plan = planner.chosen(planner.constraints(micro_batch, budget));
    } catch (const OutOfMemory& error) {
      row.refusal = error.what();
    }
    result.rows.push_back(std::move(row));
  }
  result.smallest_budget_bytes = planner.smallest_budget();
  result.bytes_per_sample = planner.bytes_per_sample(Recompute::none);
  result.bytes_per_sample_cheap = planner.bytes_per_sample(Recompute::cheap);
  result.bytes_per_sample_least = planner.bytes_per_sample(Recompute::automatic);
  return result;
}

std::vector<SweepRow> sweep(const StepPlanner& planner) {
  std::vector<SweepRow> rows;
  for (const std::int64_t divisor : {4, 2, 1}) {
    const std::int64_t batch = planner.batch() / divisor;
    if (batch == 0) continue;
    const auto plan = [&](std::int64_t micro_batch) {
      return planner.plan_of_batch({.micro_batch = micro_batch, .caps = {.bytes = SIZE_MAX}}, batch)->summary;
    };
    const double whole = plan(batch).predicted_step_s;
    for (std::int64_t micro_batch = 1;; micro_batch = std::min(2 * micro_batch, batch)) {
      const Plan p = plan(micro_batch);
      rows.push_back({batch, p.micro_batch, p.replays, p.planned_peak_bytes(), p.predicted_step_s / whole});
      if (micro_batch == batch) break;
    }
  }
  return rows;
}

std::string survey_text(const PlanSurvey& survey) {
  std::string text = fmt::format("{:>12} {:>12} {:>8} {:>11} {:>11} {:>11} {:>11} {:>11} {:>12} {:>8} {:>9}\n",
                                 "budget", "micro-batch", "replays", "persistent", "derived", "staging", "arena",
                                 "workspace", "peak", "time", "recompute");
  for (const BudgetRow& row : survey.rows) {
    if (!row.plan) {
      text += fmt::format("{:>12} {:>12}   {}\n", size_text(row.budget_bytes), "-", row.refusal);
      continue;
    }
    const Plan& p = row.summary();
    text += fmt::format("{:>12} {:>12} {:>8} {:>11} {:>11} {:>11} {:>11} {:>11} {:>12} {:>8.3f} {:>8.1f}%\n",
                        size_text(row.budget_bytes), p.micro_batch, p.replays, size_text(p.persistent_bytes),
                        format_bytes(p.derived_bytes), size_text(p.staging_bytes), size_text(p.arena_bytes),
                        format_bytes(p.workspace_bytes), size_text(p.planned_peak_bytes()), survey.relative_time(p),
                        100 * p.predicted_recompute_s / p.predicted_step_s);
  }
  for (const BudgetRow& row : survey.rows)
    if (row.plan && !row.summary().balancing().empty()) {
      text += "micro-batch: " + row.summary().balancing() + "\n";
      break;
    }
  text += "time: predicted, of a step; 1: the whole batch at once, without a budget. recompute: of that time.\n";
  for (const BudgetRow& row : survey.rows)
    if (row.plan && !row.summary().candidates.empty()) text += fastest_text(row);
  text += "\n";
  text += fmt::format("whole batch at once      {}\n", format_bytes(survey.whole_batch_bytes));
  text += fmt::format("smallest feasible budget {} ({} bytes)\n", format_bytes(survey.smallest_budget_bytes),
                      survey.smallest_budget_bytes);
  text += fmt::format("a sample more takes      {}, with --recompute cheap {}, at least {}\n",
                      size_text(survey.bytes_per_sample), size_text(survey.bytes_per_sample_cheap),
                      size_text(survey.bytes_per_sample_least));
  if (!survey.waterfall.empty()) {
    text += fmt::format("\n{:<32} {:>12} {:>12}\n", "what the planner saves", "peak", "saved");
    for (std::size_t i = 0; i < survey.waterfall.size(); ++i) {
      const auto bytes = static_cast<double>(survey.waterfall[i].peak_bytes);
      const double saved = i ? static_cast<double>(survey.waterfall[i - 1].peak_bytes) - bytes : 0;
      text +=
          fmt::format("{:<32} {:>12} {:>12}\n", survey.waterfall[i].name, format_bytes(survey.waterfall[i].peak_bytes),
                      i ? (saved < 0 ? "-" : "") + size_text(std::abs(saved)) : "");
    }
  }
  if (!survey.sweep.empty()) {
    text += fmt::format("\n{:>10} {:>12} {:>8} {:>12} {:>8}\n", "batch", "micro-batch", "replays", "peak", "time");
    for (const SweepRow& row : survey.sweep)
      text += fmt::format("{:>10} {:>12} {:>8} {:>12} {:>8.3f}\n", row.batch, row.micro_batch, row.replays,
                          format_bytes(row.peak_bytes), row.relative_time);
  }
  return text;
}

std::string survey_json(const PlanSurvey& survey) {
  Json json;
  json["rows"] = Json::array();
  for (const BudgetRow& row : survey.rows) {
    Json out;
    out["budget_bytes"] = row.budget_bytes ? Json(row.budget_bytes) : Json(nullptr);
    if (!row.plan) {
      for (const char* key : row_keys) out[key] = nullptr;
      out["error"] = row.refusal;
      json["rows"].push_back(std::move(out));
      continue;
    }
    const Plan& p = row.summary();
    out["micro_batch"] = p.micro_batch;
    out["asked_micro_batch"] = p.asked_micro_batch ? Json(p.asked_micro_batch) : Json(nullptr);
    out["replays"] = p.replays;
    out["persistent_bytes"] = p.persistent_bytes;
    out["derived_bytes"] = p.derived_bytes;
    out["staging_bytes"] = p.staging_bytes;
    out["arena_bytes"] = p.arena_bytes;
    out["arena_lower_bound_bytes"] = p.arena_lower_bound_bytes;
    out["workspace_bytes"] = p.workspace_bytes;
    out["planned_peak_bytes"] = p.planned_peak_bytes();
    out["recomputed_kernels"] = p.recomputed;
    out["predicted_relative_time"] = survey.relative_time(p);
    out["plan_hash"] = p.hash;
    if (!p.candidates.empty()) out["fastest_by"] = p.fastest_by_times ? "measured replays" : "predicted time";
    json["rows"].push_back(std::move(out));
  }
  json["whole_batch_planned_bytes"] = survey.whole_batch_bytes;
  json["smallest_feasible_budget_bytes"] = survey.smallest_budget_bytes;
  json["bytes_per_sample"] = {{"none", survey.bytes_per_sample},
                              {"cheap", survey.bytes_per_sample_cheap},
                              {"least", survey.bytes_per_sample_least}};
  for (const WaterfallRow& row : survey.waterfall)
    json["waterfall"].push_back({{"name", row.name}, {"planned_peak_bytes", row.peak_bytes}});
  for (const LayerRow& row : survey.layers)
    json["layers"].push_back(
        {{"layer", row.layer}, {"op", row.op}, {"algorithm", row.algorithm}, {"workspace_bytes", row.workspace_bytes}});
  for (const SweepRow& row : survey.sweep)
    json["sweep"].push_back({{"batch", row.batch},
                             {"micro_batch", row.micro_batch},
                             {"replays", row.replays},
                             {"planned_peak_bytes", row.peak_bytes},
                             {"predicted_relative_time", row.relative_time}});
  return json_text(json);
}

std::string survey_csv(const PlanSurvey& survey) {
  std::string text = csv_header;
  for (const BudgetRow& row : survey.rows) {
    const std::string budget = row.budget_bytes ? std::to_string(row.budget_bytes) : "";
    if (!row.plan) {
      text += budget +
              std::string(static_cast<std::size_t>(
                              std::count(csv_header, csv_header + std::char_traits<char>::length(csv_header), ',')),
                          ',') +
              "\n";
      continue;
    }
    const Plan& p = row.summary();
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{:.6f}\n", budget, p.micro_batch, p.replays,
                        p.persistent_bytes, p.derived_bytes, p.staging_bytes, p.arena_bytes, p.arena_lower_bound_bytes,
                        p.workspace_bytes, p.planned_peak_bytes(), p.recomputed, survey.relative_time(p));
  }
  return text;
}

}  // namespace sluice::samples
