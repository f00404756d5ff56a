#include <sluice/kernels/cuda/map.h>
#include <sluice/kernels/sigmoid/sigmoid_functors.h>

namespace sluice {
namespace {

/// sigmoid(0) is not 0: any layout without padding.
std::unique_ptr<Kernel> lower_sigmoid(LoweringContext& context) {
  share_layout(context, {0});
  if (context.output(0).padded_elements() != context.output(0).elements()) require_all_plain(context);
  return cuda::lower_map(context, SigmoidFunctor{});
}

}  // namespace

void register_sigmoid_cuda(KernelTable& table) {
  table.add("sigmoid", lower_sigmoid);
  table.add("sigmoid_grad", [](LoweringContext& context) { return cuda::lower_map2(context, SigmoidGradFunctor{}); });
}

}  // namespace sluice
