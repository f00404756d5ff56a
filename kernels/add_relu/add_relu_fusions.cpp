#include <sluice/core/fuse.h>
#include <sluice/kernels/add_relu/add_relu.h>

namespace sluice {

void register_add_relu_fusions(FusionRules& rules) {
  rules.add({.first = "add", .second = "relu", .fuse = [](const FusionContext& pair) {
               return FusedNode{std::make_shared<AddReluOp>(), pair.first().inputs};
             }});
}

}  // namespace sluice
