#include <sluice/kernels/gelu/gelu_functors.h>
#include <sluice/kernels/shared/map_reference.h>

namespace sluice {

void register_gelu_reference(KernelTable& table) {
  table.add("gelu", reference::map(GeluFunctor{}));
  table.add("gelu_grad", reference::map2(GeluGradFunctor{}));
}

}  // namespace sluice
