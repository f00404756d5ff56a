#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/shared/binary_cpu.h>
#include <sluice/kernels/shared/relu_mask_cpu.h>

namespace sluice {
namespace {

SLUICE_CLONES void add_relu_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(AddReluFunctor{}, a, b, y, count);
}

#define SLUICE_ADD_RELU(isa, above_zero)                                                                       \
  isa void add_relu_words(const float* a, const float* b, float* y, std::uint32_t* mask, std::int64_t words) { \
    for (std::int64_t w = 0; w < words; ++w, a += word_bits, b += word_bits, y += word_bits) {                 \
      cpu::binary_range(AddReluFunctor{}, {a}, {b}, y, word_bits);                                             \
      mask[w] = above_zero(y);                                                                                 \
    }                                                                                                          \
  }
SLUICE_PER_ISA(SLUICE_ADD_RELU)

void add_relu_masked_range(cpu::Operand a, cpu::Operand b, float* y, std::uint32_t* mask, std::int64_t count) {
  const std::int64_t words = a.scalar || b.scalar ? 0 : count / word_bits, done = words * word_bits;
  if (words > 0) add_relu_words(a.values, b.values, y, mask, words);
  add_relu_range(a.from(done), b.from(done), y + done, count - done);
  cpu::write_mask(y + done, mask + words, count - done);
}

}  // namespace

void register_add_relu_cpu(KernelTable& table) {
  table.add("add_relu",
            [](LoweringContext& context) {
              const bool any_layout = context.input(0).dims == context.input(1).dims;
              return cpu::lower_binary(context, add_relu_range, add_relu_masked_range, any_layout);
            },
            {DType::bit});
}

}  // namespace sluice
