#include <sluice/kernels/gelu/gelu_functors.h>
#include <sluice/kernels/shared/map_cuda.h>

namespace sluice {

void register_gelu_cuda(KernelTable& table) {
  table.add("gelu", [](LoweringContext& context) { return cuda::lower_map(context, GeluFunctor{}); });
  table.add("gelu_grad", [](LoweringContext& context) { return cuda::lower_map2(context, GeluGradFunctor{}); });
}

}  // namespace sluice
