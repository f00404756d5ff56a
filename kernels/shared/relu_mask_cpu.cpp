#include <sluice/kernels/shared/relu_mask_cpu.h>

#include <algorithm>

namespace sluice::cpu {
namespace {

#define SLUICE_WRITE_MASK(isa, above_zero)                                            \
  isa void write_words(const float* y, std::uint32_t* mask, std::int64_t words) {     \
    for (std::int64_t w = 0; w < words; ++w) mask[w] = above_zero(y + w * word_bits); \
  }
SLUICE_PER_ISA(SLUICE_WRITE_MASK)

SLUICE_CLONES void select_words(const std::uint32_t* mask, const float* dy, float* dx, std::int64_t words) {
  for (std::int64_t w = 0; w < words; ++w, dy += word_bits, dx += word_bits) {
    const std::uint32_t word = mask[w];
#pragma omp simd
    for (std::uint32_t i = 0; i < word_bits; ++i) dx[i] = (word >> i & 1u) ? dy[i] : 0;
  }
}

}  // namespace

void write_mask(const float* y, std::uint32_t* mask, std::int64_t count) {
  const std::int64_t words = count / word_bits, rest = count % word_bits;
  write_words(y, mask, words);
  if (rest) mask[words] = above_zero(y + words * word_bits, rest);
}

void select_by_mask(const std::uint32_t* mask, const float* dy, float* dx, std::int64_t count) {
  select_words(mask, dy, dx, count / word_bits);
  for (std::int64_t i = count / word_bits * word_bits; i < count; ++i) dx[i] = get_bit(mask, i) ? dy[i] : 0;
}

}  // namespace sluice::cpu
