#include <sluice/mbp/train/result.h>

#include <ostream>

#include <sluice/core/text.h>

namespace sluice {

std::ostream& operator<<(std::ostream& stream, const Result& result) {
  TextStream out;
  out << "epoch " << result.epoch + 1 << ": loss " << result.loss;
  for (const auto& [name, value] : result.metrics) out << ", " << name << ' ' << value;
  if (result.skipped)
    out << ", " << result.skipped << " logical batch" << (result.skipped == 1 ? "" : "es") << " skipped";
  out << ", " << static_cast<std::int64_t>(result.images_per_second()) << " samples/s";
  return stream << out.str();
}

}  // namespace sluice
