#include "support/report.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/json_text.h"

namespace sluice::bench {
namespace {

using nlohmann::ordered_json;

ordered_json number(std::optional<double> value) {
  return value && std::isfinite(*value) ? ordered_json(*value) : ordered_json(nullptr);
}
ordered_json text(const std::string& value) { return value.empty() ? ordered_json(nullptr) : ordered_json(value); }

/// Four digits, or all of a large number.
std::string short_text(std::optional<double> value) {
  if (!value) return "-";
  return std::abs(*value) >= 1000 ? fmt::format("{:.0f}", *value) : fmt::format("{:.4g}", *value);
}

/// "2.6.3" of "cpu: oneDNN 2.6.3, avx2, 2 threads".
std::string onednn_version(const std::string& device) {
  const std::string name = "oneDNN ";
  const std::size_t begin = device.find(name);
  if (begin == std::string::npos) return {};
  const std::size_t from = begin + name.size();
  return device.substr(from, device.find(',', from) - from);
}

}  // namespace

void print_table(std::ostream& out, const std::vector<Row>& rows) {
  constexpr auto line = "{:<38}{:>12}{:>12}  {:<10}{:>8}  {}\n";
  out << fmt::format(fmt::runtime(line), "figure", "sluice", "peer", "unit", "ratio", "least ... most of the rounds");
  for (const Row& row : rows) {
    const std::string ratio = row.ratio ? fmt::format("{:.2f}", row.ratio->median) : "-";
    std::string notes = row.ratio ? fmt::format("{:.2f} ... {:.2f}", row.ratio->min, row.ratio->max) : "";
    for (const auto& [name, value] : row.details)
      notes += (notes.empty() ? "" : ", ") + fmt::format("{} {}", name, short_text(value));
    out << fmt::format(fmt::runtime(line), row.figure, short_text(row.sluice), short_text(row.peer), row.unit, ratio,
                       notes);
  }
}

std::string to_markdown(const std::vector<Row>& rows, const Environment& environment) {
  const std::string prefix = "peer_";
  std::vector<std::string> ways;
  for (const Row& row : rows)
    for (const auto& [name, value] : row.details)
      if (name.starts_with(prefix) && std::find(ways.begin(), ways.end(), name) == ways.end()) ways.push_back(name);

  std::string text = fmt::format("{}, {}; {}\n\n| figure | unit | Sluice |", environment.device, environment.precision,
                                 environment.peer_version.empty() ? "no PyTorch" : environment.peer_version);
  for (const std::string& way : ways) text += fmt::format(" PyTorch {} |", way.substr(prefix.size()));
  text += " ratio to the better one | least ... most |\n|---|---|---:|";
  for (std::size_t i = 0; i < ways.size(); ++i) text += "---:|";
  text += "---:|---|\n";
  for (const Row& row : rows) {
    text += fmt::format("| {} | {} | {} |", row.figure, row.unit, short_text(row.sluice));
    for (const std::string& way : ways) {
      const auto detail =
          std::find_if(row.details.begin(), row.details.end(), [&](const auto& named) { return named.first == way; });
      text +=
          fmt::format(" {} |", short_text(detail == row.details.end() ? std::nullopt : std::optional(detail->second)));
    }
    text += row.ratio
                ? fmt::format(" {:.2f} | {:.2f} ... {:.2f} |\n", row.ratio->median, row.ratio->min, row.ratio->max)
                : " - | |\n";
  }
  return text;
}

std::string to_json(const std::vector<Row>& rows, const Environment& environment) {
  ordered_json list = ordered_json::array();
  for (const Row& row : rows) {
    ordered_json entry = {{"figure", row.figure}, {"sluice", number(row.sluice)}, {"peer", number(row.peer)}};
    entry["peer_version"] = row.peer ? text(environment.peer_version) : ordered_json(nullptr);
    entry["unit"] = row.unit;
    entry["ratio"] = row.ratio ? number(row.ratio->median) : ordered_json(nullptr);
    entry["ratio_min"] = row.ratio ? number(row.ratio->min) : ordered_json(nullptr);
    entry["ratio_max"] = row.ratio ? number(row.ratio->max) : ordered_json(nullptr);
    ordered_json details = ordered_json::object();
    for (const auto& [name, value] : row.details) details[name] = number(value);
    entry["details"] = details;
    list.push_back(entry);
  }
  const ordered_json all = {{"rows", list},
                            {"cpu", environment.cpu},
                            {"threads", environment.threads},
                            {"device", environment.device},
                            {"precision", environment.precision},
                            {"onednn_version", text(onednn_version(environment.device))},
                            {"peer_version", text(environment.peer_version)},
                            {"load_average_before", environment.load_before},
                            {"load_average_after", environment.load_after},
                            {"calibration_spread", environment.calibration_spread},
                            {"date", environment.date}};
  return samples::json_text(all);
}

}  // namespace sluice::bench
