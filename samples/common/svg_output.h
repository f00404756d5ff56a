#pragma once

#include <string>
#include <vector>

#include "common/outputs.h"
#include "common/report.h"

namespace sluice::samples {

// --svg DIR: the figures of the report as files in a folder.

/// The files that --svg names, none for an empty `directory`, which is made if it is missing. Throws UsageError where
/// it cannot be.
std::vector<FileFlag> svg_files(const std::string& directory);

/// Writes each figure that there is data for.
void write_figures(Outputs& outputs, const std::function<const ReportData&()>& report);

}  // namespace sluice::samples
