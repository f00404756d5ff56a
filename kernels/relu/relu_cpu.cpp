#include <sluice/kernels/cpu/map.h>
#include <sluice/kernels/relu/relu_functors.h>

namespace sluice {
namespace {

SLUICE_CLONES void relu_range(const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = ReluFunctor{}(x[i]);
}

SLUICE_CLONES void relu_grad_range(const float* y, const float* dy, float* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) dx[i] = ReluGradFunctor{}(y[i], dy[i]);
}

}  // namespace

void register_relu_cpu(KernelTable& table) {
  table.add("relu", [](LoweringContext& context) { return cpu::lower_map(context, relu_range); });
  table.add("relu_grad", [](LoweringContext& context) { return cpu::lower_map2(context, relu_grad_range); });
}

}  // namespace sluice
