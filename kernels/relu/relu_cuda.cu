#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/lowering.h>
#include <sluice/kernels/relu/relu_functors.h>

namespace sluice {
namespace {

// Any layout will do as long as all values share it: padding holds zeros, and relu keeps them.
std::unique_ptr<Kernel> lower_relu(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0});
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    cuda::map(queue, count, ReluFunctor{}, static_cast<float*>(at.outputs[0]), static_cast<const float*>(at.inputs[0]));
  });
}

std::unique_ptr<Kernel> lower_relu_grad(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0, 1});
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    cuda::map(queue, count, ReluGradFunctor{}, static_cast<float*>(at.outputs[0]),
              static_cast<const float*>(at.inputs[0]), static_cast<const float*>(at.inputs[1]));
  });
}

}  // namespace

void register_relu_cuda(KernelTable& table) {
  table.add("relu", lower_relu);
  table.add("relu_grad", lower_relu_grad);
}

}  // namespace sluice
