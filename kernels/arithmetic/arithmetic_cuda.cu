#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/shared/map_cuda.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_mul(LoweringContext& context) { return cuda::lower_binary(context, MulFunctor{}, true); }

/// 0 / 0 is not 0: two values are divided without padding.
std::unique_ptr<Kernel> lower_div(LoweringContext& context) {
  return cuda::lower_binary(context, DivFunctor{}, context.input(1).dims.rank() == 0);
}

/// 0 − s is not 0 either.
std::unique_ptr<Kernel> lower_sub(LoweringContext& context) {
  return cuda::lower_binary(context, SubFunctor{}, context.input(0).dims == context.input(1).dims);
}

std::unique_ptr<Kernel> lower_scale(LoweringContext& context) {
  return cuda::lower_map(context, ScaleFunctor{context.op<ScaleOp>().factor()});
}

}  // namespace

void register_arithmetic_cuda(KernelTable& table) {
  table.add("mul", lower_mul);
  table.add("div", lower_div);
  table.add("sub", lower_sub);
  table.add("scale", lower_scale);
}

}  // namespace sluice
