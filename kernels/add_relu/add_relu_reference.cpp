#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/reference/elementwise.h>

namespace sluice {

void register_add_relu_reference(KernelTable& table) { table.add("add_relu", reference::map2(AddReluFunctor{})); }

}  // namespace sluice
