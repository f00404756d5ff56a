#include <sluice/core/bits.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/lowering.h>
#include <sluice/kernels/relu/relu_functors.h>

namespace sluice {
namespace {

constexpr int warp = 32;  // threads; as many as a word of the mask has bits
static_assert(warp == word_bits);

/// A warp takes 32 elements at a time, so that their votes are a word of the mask. y may be x.
__global__ void relu_kernel(std::int64_t count, const float* x, float* y, std::uint32_t* mask) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  const int lane = static_cast<int>(threadIdx.x) % warp;
  for (std::int64_t first = blockIdx.x * block + threadIdx.x - lane; first < count; first += threads) {
    const std::int64_t i = first + lane;
    bool open = false;
    if (i < count) {
      const float value = ReluFunctor{}(x[i]);
      open = ReluMaskFunctor{}(value);
      y[i] = value;
    }
    const std::uint32_t word = __ballot_sync(0xFFFFFFFFu, open);
    if (lane == 0) mask[first / word_bits] = word;
  }
}

/// dx may be dy.
__global__ void relu_grad_kernel(std::int64_t count, const std::uint32_t* mask, const float* dy, float* dx) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  for (std::int64_t i = blockIdx.x * block + threadIdx.x; i < count; i += threads)
    dx[i] = ReluGradFunctor{}(get_bit(mask, i), dy[i]);
}

// Any layout will do as long as all values share it: padding holds zeros, and relu keeps them.
std::unique_ptr<Kernel> lower_relu(LoweringContext& context) {
  require_f32(context);
  context.set_layout(1, share_layout(context, {0}));
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    cuda::launch(queue, count, relu_kernel, count, static_cast<const float*>(at.inputs[0]),
                 static_cast<float*>(at.outputs[0]), static_cast<std::uint32_t*>(at.outputs[1]));
  });
}

std::unique_ptr<Kernel> lower_relu_grad(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0, 1});
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    cuda::launch(queue, count, relu_grad_kernel, count, static_cast<const std::uint32_t*>(at.inputs[0]),
                 static_cast<const float*>(at.inputs[1]), static_cast<float*>(at.outputs[0]));
  });
}

}  // namespace

void register_relu_cuda(KernelTable& table) {
  table.add("relu", lower_relu, {DType::bit});
  table.add("relu_grad", lower_relu_grad, {DType::bit});
}

}  // namespace sluice
