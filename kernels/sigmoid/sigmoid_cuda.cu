#include <sluice/kernels/shared/channel_operand_cuda.h>
#include <sluice/kernels/shared/map_cuda.h>
#include <sluice/kernels/sigmoid/sigmoid_functors.h>

namespace sluice {
namespace {

/// sigmoid(x), and 0 for padding, of which sigmoid would make one half.
struct PaddedSigmoidFunctor {
  SLUICE_HOST_DEVICE float operator()(float x, float is_element) const {
    return is_element != 0 ? SigmoidFunctor{}(x) : 0.0f;
  }
};

std::unique_ptr<Kernel> lower_padded_sigmoid(LoweringContext& context, const ChannelView& view) {
  require_f32(context);
  return make_kernel([queue = cuda::queue(context), view, count = context.output(0).padded_elements()](
                         const Addresses& at, const RunContext&) {
    cuda::map_operands(queue, count, PaddedSigmoidFunctor{}, static_cast<float*>(at.outputs[0]),
                       cuda::Operand{static_cast<const float*>(at.inputs[0]), count},
                       cuda::ElementOperand{cuda::ChannelFinder(view)});
  });
}

std::unique_ptr<Kernel> lower_sigmoid(LoweringContext& context) {
  share_layout(context, {0});
  const LoweredValue& y = context.output(0);
  if (y.padded_elements() != y.elements()) {
    if (const std::optional<ChannelView> view = channel_view(y)) return lower_padded_sigmoid(context, *view);
    require_all_plain(context);
  }
  return cuda::lower_map(context, SigmoidFunctor{});
}

}  // namespace

void register_sigmoid_cuda(KernelTable& table) {
  table.add("sigmoid", lower_sigmoid);
  table.add("sigmoid_grad", [](LoweringContext& context) { return cuda::lower_map2(context, SigmoidGradFunctor{}); });
}

}  // namespace sluice
