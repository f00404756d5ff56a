#include "common/report.h"

#include <chrono>
#include <cmath>
#include <ctime>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include "common/figures/figures.h"
#include "common/report_page.h"
#include "common/version.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json summary_of(const ReportData& report) {
  const Plan& plan = report.details.summary;
  const bool ran = report.memory && report.details.measured_by != MeasuredBy::nothing;
  return {{"plan_hash", plan.hash},
          {"samples", plan.samples},
          {"batch", plan.batch},
          {"micro_batch", plan.micro_batch},
          {"asked_micro_batch", plan.asked_micro_batch ? Json(plan.asked_micro_batch) : Json(nullptr)},
          {"replays", plan.replays},
          {"steps_per_epoch", plan.steps_per_epoch},
          {"tail", plan.tail},
          {"dropped", plan.dropped},
          {"stages", plan.stages},
          {"recomputes", plan.recomputes},
          {"split_dependent", plan.split_dependent},
          {"budget_bytes", plan.budget_bytes ? Json(plan.budget_bytes) : Json(nullptr)},
          {"planned_peak_bytes", plan.planned_peak_bytes()},
          {"measured_peak_bytes", ran ? Json(report.memory->measured_peak_bytes) : Json(nullptr)},
          {"measured_by", name(report.details.measured_by)},
          {"outside_bytes", ran ? Json(report.memory->outside_bytes) : Json(nullptr)},
          {"host_bytes", ran ? Json(report.memory->host_bytes) : Json(nullptr)},
          {"arena_bytes", plan.arena_bytes},
          {"arena_lower_bound_bytes", plan.arena_lower_bound_bytes},
          {"whole_batch_planned_bytes", or_null(report.whole_batch_bytes)}};
}

Json regions_of(const PlanDetails& details) {
  Json rows = Json::array();
  for (const RegionDetails& r : details.regions)
    rows.push_back({{"name", name(r.region)},
                    {"offset", r.offset},
                    {"planned", r.bytes},
                    {"measured", or_null(r.measured_bytes)}});
  return rows;
}

Json storages_of(const PlanDetails& details) {
  Json rows = Json::array();
  for (const StorageDetails& s : details.storages)
    rows.push_back({{"name", s.name},
                    {"layer", s.layer},
                    {"category", name(s.category)},
                    {"offset", s.offset},
                    {"bytes", s.bytes},
                    {"slots", s.slots},
                    {"measured", or_null(s.measured_bytes)}});
  return rows;
}

/// What is empty or false is left out: there are thousands of these.
Json kernel_of(const InstructionDetails& i) {
  Json row{{"name", i.name}, {"layer", i.layer}};
  if (!i.algorithm.empty()) row["algorithm"] = i.algorithm;
  if (i.workspace_bytes) row["workspace"] = i.workspace_bytes;
  if (i.backward) row["backward"] = true;
  if (i.recomputed) row["recomputed"] = true;
  return row;
}

Json item_of(const ItemDetails& i) {
  Json row{{"name", i.name}, {"layer", i.layer},   {"role", name(i.role)}, {"first", i.first},
           {"last", i.last}, {"offset", i.offset}, {"bytes", i.bytes}};
  if (i.measured_bytes) row["measured"] = *i.measured_bytes;
  if (!i.shares.empty()) row["shares"] = i.shares;
  return row;
}

Json parts_of(const PlanDetails& details) {
  Json rows = Json::array();
  for (const PartDetails& part : details.parts) {
    Json row{{"program", part.program},         {"name", part.name},
             {"kind", name(part.kind)},         {"stage", part.stage},
             {"micro_batch", part.micro_batch}, {"bound", part.lower_bound_bytes},
             {"peak", part.peak_bytes},         {"live", part.live_bytes},
             {"kernels", Json::array()},        {"items", Json::array()}};
    for (const InstructionDetails& i : part.instructions) row["kernels"].push_back(kernel_of(i));
    for (const ItemDetails& i : part.items) row["items"].push_back(item_of(i));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json categories_of(const PlanDetails& details) {
  const bool measured = details.measured_by >= MeasuredBy::scanned;
  Json rows = Json::array();
  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const auto category = static_cast<Category>(c);
    const Ledger::Entry total = details.ledger.total(category);
    rows.push_back({{"name", name(category)},
                    {"region", name(region_of(category))},
                    {"planned", total.planned_bytes},
                    {"measured", measured ? Json(total.measured_bytes) : Json(nullptr)}});
  }
  return rows;
}

Json tensors_of(const PlanDetails& details) {
  constexpr std::size_t most = 200;
  Json rows = Json::array();
  for (const Holder& h : details.holders_at_peak()) {
    if (rows.size() == most) break;
    rows.push_back({{"name", h.name},
                    {"layer", h.layer},
                    {"category", name(h.category)},
                    {"planned", h.bytes},
                    {"measured", or_null(h.measured_bytes)}});
  }
  return rows;
}

Json layers_of(const PlanDetails& details) {
  Json rows = Json::array();
  for (const Holder& h : details.layers_at_peak())
    rows.push_back({{"name", h.layer}, {"planned", h.bytes}, {"measured", or_null(h.measured_bytes)}});
  return rows;
}

Json what_if_of(const ReportData& report) {
  Json rows = Json::array();
  for (const WhatIfRow& row : report.what_if)
    rows.push_back({{"name", row.name},
                    {"micro_batch", row.micro_batch},
                    {"budget_bytes", row.budget_bytes},
                    {"peak_bytes", row.peak_bytes},
                    {"step_ms", row.step_ms && std::isfinite(*row.step_ms) ? Json(*row.step_ms) : Json(nullptr)},
                    {"chosen", row.chosen}});
  return rows;
}

/// JSON in a script element: nothing in it may look like markup.
std::string embeddable(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      text += "\\u003c";
    else if (c == '>')
      text += "\\u003e";
    else if (c == '&')
      text += "\\u0026";
    else
      text += c;
  }
  return text;
}

}  // namespace

std::string report_json(const ReportData& report) {
  Json waterfall = Json::array();
  for (const WaterfallRow& row : report.waterfall)
    waterfall.push_back({{"name", row.name}, {"peak_bytes", row.peak_bytes}});
  Json environment = Json::array();
  for (const auto& [what, value] : report.environment) environment.push_back(Json::array({what, value}));
  const Json json{{"model", report.model},
                  {"dataset", report.dataset},
                  {"device", report.details.summary.device},
                  {"summary", summary_of(report)},
                  {"arena_offset", report.details.arena_offset},
                  {"peak_part", report.details.peak_part},
                  {"regions", regions_of(report.details)},
                  {"categories", categories_of(report.details)},
                  {"tensors_at_peak", tensors_of(report.details)},
                  {"layers_at_peak", layers_of(report.details)},
                  {"what_if", what_if_of(report)},
                  {"waterfall", std::move(waterfall)},
                  {"environment", std::move(environment)},
                  {"storages", storages_of(report.details)},
                  {"parts", parts_of(report.details)}};
  // Names come from users: bytes that are no UTF-8 must not cost them the report.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string report_html(const ReportData& report) {
  std::string page(report_page_head);
  for (const Figure& figure : figures) page += figure.draw(report);
  page += report_page_middle;
  page += embeddable(report_json(report));
  return page += report_page_tail;
}

std::vector<std::pair<std::string, std::string>> environment_rows(const std::string& device, int threads,
                                                                  const std::string& date) {
  std::vector<std::pair<std::string, std::string>> rows = build_rows();
  rows.emplace_back("device", device);
  rows.emplace_back("threads", std::to_string(threads));
  if (!date.empty()) rows.emplace_back("date", date);
  return rows;
}

std::string date_now() {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

}  // namespace sluice::samples
