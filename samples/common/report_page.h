#pragma once

#include <string_view>

namespace sluice::samples {

/// The page of report/page.html with its style and scripts, cut where the figures for readers without scripts belong,
/// and where the data does.
extern const std::string_view report_page_head, report_page_middle, report_page_tail;

}  // namespace sluice::samples
