#include <sluice/data/dataset.h>

#include <atomic>

namespace sluice {

std::uint64_t Dataset::next_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace sluice
