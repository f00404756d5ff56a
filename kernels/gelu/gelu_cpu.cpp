#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/gelu/gelu_functors.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

constexpr std::int64_t grain = 1 << 10;  // elements a thread should have at least: an erfc each takes about 10 ns

// Outputs may share the address of an input; omp simd says that equal addresses at equal i are fine.
SLUICE_CLONES void gelu_range(const float* x, float* y, std::int64_t begin, std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) y[i] = GeluFunctor{}(x[i]);
}

SLUICE_CLONES void gelu_grad_range(const float* x, const float* dy, float* dx, std::int64_t begin, std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) dx[i] = GeluGradFunctor{}(x[i], dy[i]);
}

// Any layout will do as long as all values share it: padding holds zeros, and both keep them.
std::unique_ptr<Kernel> lower_gelu(LoweringContext& context) {
  share_layout(context, {0});
  return make_kernel([count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain, [=](std::int64_t begin, std::int64_t end) { gelu_range(x, y, begin, end); });
  });
}

std::unique_ptr<Kernel> lower_gelu_grad(LoweringContext& context) {
  share_layout(context, {0, 1});
  return make_kernel([count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    const auto* dy = static_cast<const float*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain,
                      [=](std::int64_t begin, std::int64_t end) { gelu_grad_range(x, dy, dx, begin, end); });
  });
}

}  // namespace

void register_gelu_cpu(KernelTable& table) {
  table.add("gelu", lower_gelu);
  table.add("gelu_grad", lower_gelu_grad);
}

}  // namespace sluice
