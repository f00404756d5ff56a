#include <sluice/mbp/train/result.h>

#include <cmath>
#include <ostream>

#include <sluice/core/text.h>

namespace sluice {

std::ostream& operator<<(std::ostream& stream, const Result& result) {
  TextStream out;
  if (result.of == ResultOf::epoch) out << "epoch " << result.epoch + 1 << ", average of training: ";
  if (result.of == ResultOf::step) out << "step " << result.step << ": ";
  if (result.of != ResultOf::evaluation || !std::isnan(result.loss)) out << "loss " << result.loss << ", ";
  for (const auto& [name, value] : result.metrics) out << name << ' ' << value << ", ";
  if (result.skipped) out << counted(result.skipped, "logical batch", "logical batches") << " skipped, ";
  out << static_cast<std::int64_t>(result.images_per_second()) << " samples/s";
  return stream << out.str();
}

}  // namespace sluice
