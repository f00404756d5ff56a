#include <sluice/kernels/gelu/gelu_functors.h>
#include <sluice/kernels/shared/map_cpu.h>

namespace sluice {
namespace {

constexpr std::int64_t gelu_grain = 1 << 10;  // an erfc each takes about 10 ns

SLUICE_CLONES void gelu_range(const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = GeluFunctor{}(x[i]);
}

SLUICE_CLONES void gelu_grad_range(const float* x, const float* dy, float* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) dx[i] = GeluGradFunctor{}(x[i], dy[i]);
}

}  // namespace

void register_gelu_cpu(KernelTable& table) {
  table.add("gelu", [](LoweringContext& context) { return cpu::lower_map(context, gelu_range, gelu_grain); });
  table.add("gelu_grad",
            [](LoweringContext& context) { return cpu::lower_map2(context, gelu_grad_range, gelu_grain); });
}

}  // namespace sluice
