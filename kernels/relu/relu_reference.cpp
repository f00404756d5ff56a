#include <sluice/kernels/reference/elementwise.h>
#include <sluice/kernels/relu/relu_functors.h>

namespace sluice {

void register_relu_reference(KernelTable& table) {
  table.add("relu", reference::map(ReluFunctor{}));
  table.add("relu_grad", reference::map2(ReluGradFunctor{}));
}

}  // namespace sluice
