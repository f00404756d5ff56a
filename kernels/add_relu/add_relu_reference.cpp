#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/reference/elementwise.h>
#include <sluice/kernels/reference/relu_mask.h>

namespace sluice {

void register_add_relu_reference(KernelTable& table) {
  table.add("add_relu", reference::with_relu_mask(reference::map2(AddReluFunctor{})), {DType::bit});
}

}  // namespace sluice
