#include <sluice/core/bits.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/operands_cuda.h>
#include <sluice/kernels/shared/relu_functors.h>

namespace sluice {
namespace {

/// Elements of dy where their bits are set. dx may be dy.
template <int width>
__global__ void relu_grad_kernel(std::int64_t count, const std::uint32_t* mask, const float* dy, float* dx) {
  const std::int64_t thread = cuda::grid_thread(), threads = cuda::grid_threads(), packs = count / width;
  for (std::int64_t p = thread; p < packs; p += threads) {
    cuda::Pack<float, width> pack = cuda::load_pack<width>(dy, p);
    const std::uint32_t bits = mask[p * width / word_bits] >> (p * width % word_bits);
    for (int k = 0; k < width; ++k) pack.at[k] = ReluGradFunctor{}((bits >> k & 1u) != 0, pack.at[k]);
    reinterpret_cast<cuda::Pack<float, width>*>(dx)[p] = pack;
  }
  for (std::int64_t i = packs * width + thread; i < count; i += threads)
    dx[i] = ReluGradFunctor{}(get_bit(mask, i), dy[i]);
}

// Any layout will do as long as all values share it: padding holds zeros, and relu keeps them.
std::unique_ptr<Kernel> lower_relu(LoweringContext& context) {
  require_f32(context);
  context.set_layout(1, share_layout(context, {0}));
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    cuda::map_operands_masked(queue, count, ReluFunctor{}, static_cast<float*>(at.outputs[0]),
                              static_cast<std::uint32_t*>(at.outputs[1]),
                              cuda::Operand{static_cast<const float*>(at.inputs[0]), count});
  });
}

std::unique_ptr<Kernel> lower_relu_grad(LoweringContext& context) {
  require_f32(context);
  share_layout(context, {0, 1});
  return make_kernel([queue = cuda::queue(context), count = context.output(0).padded_elements()](const Addresses& at,
                                                                                                 const RunContext&) {
    const auto* mask = static_cast<const std::uint32_t*>(at.inputs[0]);
    const auto* dy = static_cast<const float*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    if (cuda::allows_wide(dy) && cuda::allows_wide(dx))
      cuda::launch(queue, count / cuda::wide, relu_grad_kernel<cuda::wide>, count, mask, dy, dx);
    else
      cuda::launch(queue, count, relu_grad_kernel<1>, count, mask, dy, dx);
  });
}

}  // namespace

void register_relu_cuda(KernelTable& table) {
  table.add("relu", lower_relu, {DType::bit});
  table.add("relu_grad", lower_relu_grad, {DType::bit});
}

}  // namespace sluice
