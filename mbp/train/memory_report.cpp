#include <sluice/mbp/train/memory_report.h>

#include <iomanip>
#include <ostream>
#include <string>

#include <sluice/core/byte_size.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

void print_row(std::ostream& out, std::string_view name, std::size_t planned, const std::string& measured) {
  out << "  " << std::left << std::setw(14) << name << std::right << std::setw(14) << planned << std::setw(14)
      << measured << '\n';
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const MemoryReport& report) {
  TextStream out;
  out << "memory, bytes          planned      measured" << (report.verified ? "   (verified around every kernel)" : "")
      << '\n';
  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const auto category = static_cast<Category>(c);
    const Ledger::Entry total = report.ledger.total(category);
    if (total.planned_bytes || total.measured_bytes)
      print_row(out, name(category), total.planned_bytes,
                report.verified || report.scanned ? std::to_string(total.measured_bytes) : "");
  }
  print_row(out, "peak", report.planned_peak_bytes, std::to_string(report.measured_peak_bytes));
  if (report.budget_bytes) print_row(out, "budget", report.budget_bytes, "");
  out << "  arena / lower bound " << ratio_text(report.arena_bytes, report.arena_lower_bound_bytes)
      << "; outside (libraries, threads) " << format_bytes(report.outside_bytes) << "; host (data set) "
      << format_bytes(report.host_bytes) << "; process now " << format_bytes(report.resident_bytes) << '\n';
  if (report.device_outside_bytes)
    out << "  outside the slab on the device (driver, libraries, other programs) "
        << format_bytes(*report.device_outside_bytes) << '\n';
  return stream << out.str();
}

}  // namespace sluice
