#include <sluice/kernels/shared/map_reference.h>
#include <sluice/kernels/shared/relu_functors.h>
#include <sluice/kernels/shared/relu_mask_reference.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_relu_grad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([count = context.output(0).elements()](const Addresses& at, const RunContext&) {
    const auto* mask = static_cast<const std::uint32_t*>(at.inputs[0]);
    const auto* dy = static_cast<const double*>(at.inputs[1]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < count; ++i) dx[i] = ReluGradFunctor{}(get_bit(mask, i), dy[i]);
  });
}

}  // namespace

void register_relu_reference(KernelTable& table) {
  table.add("relu", reference::with_relu_mask(reference::map(ReluFunctor{})), {DType::bit});
  table.add("relu_grad", lower_relu_grad, {DType::bit});
}

}  // namespace sluice
