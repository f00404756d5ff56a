#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/binary_cpu.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

SLUICE_CLONES void mul_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(MulFunctor{}, a, b, y, count);
}
SLUICE_CLONES void div_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(DivFunctor{}, a, b, y, count);
}
SLUICE_CLONES void sub_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(SubFunctor{}, a, b, y, count);
}
SLUICE_CLONES void scale_range(ScaleFunctor f, const float* x, float* y, std::int64_t begin, std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
}

std::unique_ptr<Kernel> lower_mul(LoweringContext& context) { return cpu::lower_binary(context, mul_range, true); }

/// 0 / 0 is not 0: two values are divided without their padding.
std::unique_ptr<Kernel> lower_div(LoweringContext& context) {
  return cpu::lower_binary(context, div_range, context.input(1).dims.rank() == 0);
}

/// 0 − s is not 0 either.
std::unique_ptr<Kernel> lower_sub(LoweringContext& context) {
  return cpu::lower_binary(context, sub_range, context.input(0).dims == context.input(1).dims);
}

std::unique_ptr<Kernel> lower_scale(LoweringContext& context) {
  share_layout(context, {0});
  const ScaleFunctor f{context.op<ScaleOp>().factor()};
  return make_kernel([f, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, 1 << 14, [=](std::int64_t begin, std::int64_t end) { scale_range(f, x, y, begin, end); });
  });
}

}  // namespace

void register_arithmetic_cpu(KernelTable& table) {
  table.add("mul", lower_mul);
  table.add("div", lower_div);
  table.add("sub", lower_sub);
  table.add("scale", lower_scale);
}

}  // namespace sluice
