#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/shared/channel_operand_cuda.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/plain_sums_cuda.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_bias(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.require_plain(1);
  context.set_layout(0, context.input(0).layout);
  return make_kernel([queue = cuda::queue(context), view, count = context.output(0).padded_elements()](
                         const Addresses& at, const RunContext&) {
    cuda::map_operands(queue, count, AddFunctor{}, static_cast<float*>(at.outputs[0]),
                       cuda::Operand{static_cast<const float*>(at.inputs[0]), count},
                       cuda::ChannelOperand{static_cast<const float*>(at.inputs[1]), cuda::ChannelFinder(view)});
  });
}

std::unique_ptr<Kernel> lower_bias_grad(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, Layout());
  return std::make_unique<cuda::ElementSumsKernel>(cuda::queue(context), view, true);
}

}  // namespace

void register_bias_cuda(KernelTable& table) {
  table.add("bias", lower_bias);
  table.add("bias_grad", lower_bias_grad);
}

}  // namespace sluice
