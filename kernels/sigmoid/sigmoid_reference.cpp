#include <sluice/kernels/shared/map_reference.h>
#include <sluice/kernels/sigmoid/sigmoid_functors.h>

namespace sluice {

void register_sigmoid_reference(KernelTable& table) {
  table.add("sigmoid", reference::map(SigmoidFunctor{}));
  table.add("sigmoid_grad", reference::map2(SigmoidGradFunctor{}));
}

}  // namespace sluice
