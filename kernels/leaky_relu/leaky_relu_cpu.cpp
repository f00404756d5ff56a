#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/leaky_relu/leaky_relu_functors.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

constexpr std::int64_t grain = 1 << 14;  // elements a thread should have at least: about 10 µs of work

// Outputs may share the address of an input; omp simd says that equal addresses at equal i are fine.
SLUICE_CLONES void leaky_relu_range(LeakyReluFunctor f, const float* x, float* y, std::int64_t begin,
                                    std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
}

SLUICE_CLONES void leaky_relu_grad_range(LeakyReluGradFunctor f, const float* y, const float* dy, float* dx,
                                         std::int64_t begin, std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) dx[i] = f(y[i], dy[i]);
}

// Any layout will do as long as all values share it: padding holds zeros, and a slope >= 0 keeps them.
std::unique_ptr<Kernel> lower_leaky_relu(LoweringContext& context) {
  share_layout(context, {0});
  const LeakyReluFunctor f{context.op<LeakyReluOpBase>().slope()};
  return make_kernel([f, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain,
                      [=](std::int64_t begin, std::int64_t end) { leaky_relu_range(f, x, y, begin, end); });
  });
}

std::unique_ptr<Kernel> lower_leaky_relu_grad(LoweringContext& context) {
  share_layout(context, {0, 1});
  const LeakyReluGradFunctor f{context.op<LeakyReluOpBase>().slope()};
  return make_kernel([f, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* y = static_cast<const float*>(at.inputs[0]);
    const auto* dy = static_cast<const float*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain,
                      [=](std::int64_t begin, std::int64_t end) { leaky_relu_grad_range(f, y, dy, dx, begin, end); });
  });
}

}  // namespace

void register_leaky_relu_cpu(KernelTable& table) {
  table.add("leaky_relu", lower_leaky_relu);
  table.add("leaky_relu_grad", lower_leaky_relu_grad);
}

}  // namespace sluice
