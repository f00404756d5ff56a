#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/leaky_relu/leaky_relu_functors.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

// Any layout will do as long as all values share it: padding holds zeros, and the functions keep them.
std::unique_ptr<Kernel> lower_leaky_relu(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0});
  return make_kernel([queue = cuda::queue(context), f = LeakyReluFunctor{context.op<LeakyReluOpBase>().slope()},
                      count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    cuda::map(queue, count, f, static_cast<float*>(at.outputs[0]), static_cast<const float*>(at.inputs[0]));
  });
}

std::unique_ptr<Kernel> lower_leaky_relu_grad(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0, 1});
  return make_kernel([queue = cuda::queue(context), f = LeakyReluGradFunctor{context.op<LeakyReluOpBase>().slope()},
                      count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    cuda::map(queue, count, f, static_cast<float*>(at.outputs[0]), static_cast<const float*>(at.inputs[0]),
              static_cast<const float*>(at.inputs[1]));
  });
}

}  // namespace

void register_leaky_relu_cuda(KernelTable& table) {
  table.add("leaky_relu", lower_leaky_relu);
  table.add("leaky_relu_grad", lower_leaky_relu_grad);
}

}  // namespace sluice
