#include <functional>

#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/leaky_relu/leaky_relu_functors.h>
#include <sluice/kernels/shared/map_cpu.h>

namespace sluice {
namespace {

SLUICE_CLONES void leaky_relu_range(LeakyReluFunctor f, const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
}

SLUICE_CLONES void leaky_relu_grad_range(LeakyReluGradFunctor f, const float* y, const float* dy, float* dx,
                                         std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) dx[i] = f(y[i], dy[i]);
}

std::unique_ptr<Kernel> lower_leaky_relu(LoweringContext& context) {
  const LeakyReluFunctor f{context.op<LeakyReluOpBase>().slope()};
  return cpu::lower_map(context, std::bind_front(leaky_relu_range, f));
}

std::unique_ptr<Kernel> lower_leaky_relu_grad(LoweringContext& context) {
  const LeakyReluGradFunctor f{context.op<LeakyReluOpBase>().slope()};
  return cpu::lower_map2(context, [f](const float* y, const float* dy, float* dx, std::int64_t count) {
    leaky_relu_grad_range(f, y, dy, dx, count);
  });
}

}  // namespace

void register_leaky_relu_cpu(KernelTable& table) {
  table.add("leaky_relu", lower_leaky_relu);
  table.add("leaky_relu_grad", lower_leaky_relu_grad);
}

}  // namespace sluice
