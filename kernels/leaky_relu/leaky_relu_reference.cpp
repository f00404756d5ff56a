#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/leaky_relu/leaky_relu_functors.h>
#include <sluice/kernels/shared/map_reference.h>

namespace sluice {

void register_leaky_relu_reference(KernelTable& table) {
  table.add("leaky_relu", [](LoweringContext& context) {
    return reference::map(LeakyReluFunctor{context.op<LeakyReluOpBase>().slope()})(context);
  });
  table.add("leaky_relu_grad", [](LoweringContext& context) {
    return reference::map2(LeakyReluGradFunctor{context.op<LeakyReluOpBase>().slope()})(context);
  });
}

}  // namespace sluice
