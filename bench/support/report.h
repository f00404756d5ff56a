#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/statistics.h"

namespace sluice::bench {

/// One figure: what Sluice reached and, where there is something to compare with, what the peer did.
struct Row {
  std::string figure;
  std::string unit;
  std::optional<double> sluice;
  std::optional<double> peer = {};
  std::optional<Spread> ratio = {};  ///< of the rounds; above 1 Sluice is the better one
  std::vector<std::pair<std::string, double>> details = {};
};

/// Where and when; written beside the rows.
struct Environment {
  std::string cpu, device, precision;
  std::string peer_version = {};  ///< empty: no peer
  int threads = 0;
  double load_before = 0, load_after = 0;
  double calibration_spread = 1;  ///< slowest calibration loop of the run ÷ the fastest
  std::string date;
};

/// The rows as a table for people.
void print_table(std::ostream& out, const std::vector<Row>& rows);
/// The same as a table of Markdown, with a column for each way the peer ran.
std::string to_markdown(const std::vector<Row>& rows, const Environment& environment);
/// {"rows": [...], ...}; null where a number does not exist.
std::string to_json(const std::vector<Row>& rows, const Environment& environment);

}  // namespace sluice::bench
