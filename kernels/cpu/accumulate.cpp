#include <sluice/kernels/cpu/accumulate.h>

#include <sluice/kernels/cpu/parallel.h>

namespace sluice::cpu {
namespace {

SLUICE_CLONES void add(float* sum, const float* part, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += part[i];
}

}  // namespace

void accumulate(float* sum, const float* part, std::int64_t count) {
  constexpr std::int64_t grain = 1 << 14;  // below this a second thread costs more than it adds
  parallel_for(count, grain,
               [=](std::int64_t begin, std::int64_t end) { add(sum + begin, part + begin, end - begin); });
}

}  // namespace sluice::cpu
