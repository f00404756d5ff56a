#include <sluice/kernels/shared/relu_mask_cuda.h>

#include <sluice/core/bits.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/operands_cuda.h>

namespace sluice::cuda {
namespace {

template <int width>
__global__ void relu_mask_kernel(std::int64_t count, const float* y, std::uint32_t* mask) {
  const std::int64_t lane = threadIdx.x % warp_threads;
  for (std::int64_t first = (grid_thread() - lane) * width; first < count; first += grid_threads() * width) {
    const std::int64_t i = first + lane * width;
    std::uint32_t bits = 0;
    if (i + width <= count) {
      const Pack<float, width> pack = load_pack<width>(y, i / width);
      for (int k = 0; k < width; ++k) bits |= static_cast<std::uint32_t>(ReluMaskFunctor{}(pack.at[k])) << k;
    } else {
      for (int k = 0; k < width && i + k < count; ++k)
        bits |= static_cast<std::uint32_t>(ReluMaskFunctor{}(y[i + k])) << k;
    }
    store_mask<width>(bits, mask + first / word_bits, bit_words(count - first));
  }
}

}  // namespace

std::unique_ptr<Kernel> lower_relu_mask(LoweringContext& context) {
  context.set_layout(0, context.input(0).layout);
  return make_kernel(
      [queue = queue(context), count = context.input(0).padded_elements()](const Addresses& at, const RunContext&) {
        const auto* const y = static_cast<const float*>(at.inputs[0]);
        auto* const mask = static_cast<std::uint32_t*>(at.outputs[0]);
        if (allows_wide(y))
          launch(queue, count / wide, relu_mask_kernel<wide>, count, y, mask);
        else
          launch(queue, count, relu_mask_kernel<1>, count, y, mask);
      });
}

}  // namespace sluice::cuda
