#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/leaky_relu/leaky_relu_functors.h>
#include <sluice/kernels/shared/map_cuda.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_leaky_relu(LoweringContext& context) {
  return cuda::lower_map(context, LeakyReluFunctor{context.op<LeakyReluOpBase>().slope()});
}

std::unique_ptr<Kernel> lower_leaky_relu_grad(LoweringContext& context) {
  return cuda::lower_map2(context, LeakyReluGradFunctor{context.op<LeakyReluOpBase>().slope()});
}

}  // namespace

void register_leaky_relu_cuda(KernelTable& table) {
  table.add("leaky_relu", lower_leaky_relu);
  table.add("leaky_relu_grad", lower_leaky_relu_grad);
}

}  // namespace sluice
