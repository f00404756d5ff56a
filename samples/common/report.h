#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/report_data.h"

namespace sluice::samples {

/// Sluice's version, the compiler, the device with its libraries, and the date as the caller gives it ("" leaves it
/// out).
std::vector<std::pair<std::string, std::string>> environment_rows(const std::string& device, int threads,
                                                                  const std::string& date);
/// Now, in UTC: "2025-01-31 17:05 UTC".
std::string date_now();

/// The numbers of the page as one JSON object.
std::string report_json(const ReportData& report);
/// One page of HTML that needs nothing else: no network, no other file.
std::string report_html(const ReportData& report);

}  // namespace sluice::samples
