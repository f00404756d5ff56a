#include <sluice/kernels/shared/map_cpu.h>
#include <sluice/kernels/shared/relu_functors.h>
#include <sluice/kernels/shared/relu_mask_cpu.h>

namespace sluice {
namespace {

[[gnu::always_inline]] inline void relu_loop(const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = ReluFunctor{}(x[i]);
}

#define SLUICE_RELU(isa, above_zero)                                                       \
  isa void relu_words(const float* x, float* y, std::uint32_t* mask, std::int64_t words) { \
    for (std::int64_t w = 0; w < words; ++w, x += word_bits, y += word_bits) {             \
      relu_loop(x, y, word_bits);                                                          \
      mask[w] = above_zero(y);                                                             \
    }                                                                                      \
  }
SLUICE_PER_ISA(SLUICE_RELU)

void relu_range(const float* x, float* y, std::uint32_t* mask, std::int64_t count) {
  const std::int64_t words = count / word_bits, done = words * word_bits;
  relu_words(x, y, mask, words);
  if (done == count) return;
  relu_loop(x + done, y + done, count - done);
  mask[words] = cpu::above_zero(y + done, count - done);
}

std::unique_ptr<Kernel> lower_relu(LoweringContext& context) {
  context.set_layout(1, share_layout(context, {0}));
  return make_kernel([count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    auto* mask = static_cast<std::uint32_t*>(at.outputs[1]);
    cpu::parallel_for_words(count, cpu::map_grain, [=](std::int64_t begin, std::int64_t end) {
      relu_range(x + begin, y + begin, mask + begin / word_bits, end - begin);
    });
  });
}

std::unique_ptr<Kernel> lower_relu_grad(LoweringContext& context) {
  share_layout(context, {0, 1});
  return make_kernel([count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* mask = static_cast<const std::uint32_t*>(at.inputs[0]);
    const auto* dy = static_cast<const float*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for_words(count, cpu::map_grain, [=](std::int64_t begin, std::int64_t end) {
      cpu::select_by_mask(mask + begin / word_bits, dy + begin, dx + begin, end - begin);
    });
  });
}

}  // namespace

void register_relu_cpu(KernelTable& table) {
  table.add("relu", lower_relu, {DType::bit});
  table.add("relu_grad", lower_relu_grad, {DType::bit});
}

}  // namespace sluice
