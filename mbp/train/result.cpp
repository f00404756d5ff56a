#include <sluice/mbp/train/result.h>

#include <cmath>
#include <ostream>

#include <sluice/core/text.h>

namespace sluice {

std::ostream& operator<<(std::ostream& stream, const Result& result) {
  TextStream out;
  const bool trained = result.epoch >= 0;
  if (trained) out << "epoch " << result.epoch + 1 << ": ";
  if (trained || !std::isnan(result.loss)) out << "loss " << result.loss << ", ";
  for (const auto& [name, value] : result.metrics) out << name << ' ' << value << ", ";
  if (result.skipped) out << result.skipped << " logical batch" << (result.skipped == 1 ? "" : "es") << " skipped, ";
  out << static_cast<std::int64_t>(result.images_per_second()) << " samples/s";
  return stream << out.str();
}

}  // namespace sluice
