#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/shared/map_reference.h>
#include <sluice/kernels/shared/relu_mask_reference.h>

namespace sluice {

void register_add_relu_reference(KernelTable& table) {
  table.add("add_relu", reference::with_relu_mask(reference::map2(AddReluFunctor{})), {DType::bit});
}

}  // namespace sluice
