#pragma once

#include <cstdint>

#include <sluice/core/bits.h>
#include <sluice/kernels/cpu/parallel.h>

#if defined(__x86_64__) && !defined(__clang__) && !defined(SLUICE_SANITIZED)
#define SLUICE_MASK_INTRINSICS
#include <immintrin.h>
#endif

namespace sluice::cpu {

// Masks of a relu's output (core/bits.h), made 32 elements at a time while those are in registers: a second pass costs
// more than it computes, even in the first-level cache. Comparing many floats gives a bit of each in one instruction,
// which compilers do not find, so a loop that makes masks is spelt out once for each instruction set:
//
//   #define DEFINE(isa, above_zero) isa void name(…) { … mask[w] = above_zero(y); … }
//   SLUICE_PER_ISA(DEFINE)
//
// defines name(…), chosen when the library is loaded; above_zero(y) is the word of y[0…31].

/// Bit i: whether y[i] > 0 or NaN; `count` <= 32.
[[gnu::always_inline]] inline std::uint32_t above_zero(const float* y, std::int64_t count = word_bits) {
  std::uint32_t word = 0;
#pragma omp simd reduction(| : word)
  for (std::int64_t i = 0; i < count; ++i) word |= static_cast<std::uint32_t>(y[i] <= 0 ? 0 : 1) << i;
  return word;
}

#ifdef SLUICE_MASK_INTRINSICS
[[gnu::target("avx512f"), gnu::always_inline]] inline std::uint32_t above_zero_avx512(const float* y) {
  const auto half = [](const float* v) __attribute__((target("avx512f"), always_inline)) {
    return static_cast<std::uint32_t>(_mm512_cmp_ps_mask(_mm512_loadu_ps(v), _mm512_setzero_ps(), _CMP_NLE_UQ));
  };
  return half(y) | half(y + 16) << 16;
}

[[gnu::target("avx2"), gnu::always_inline]] inline std::uint32_t above_zero_avx2(const float* y) {
  const auto quarter = [](const float* v) __attribute__((target("avx2"), always_inline)) {
    const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(v), _mm256_setzero_ps(), _CMP_NLE_UQ);
    return static_cast<std::uint32_t>(_mm256_movemask_ps(above));
  };
  return quarter(y) | quarter(y + 8) << 8 | quarter(y + 16) << 16 | quarter(y + 24) << 24;
}

#define SLUICE_PER_ISA(DEFINE)                                                        \
  DEFINE(__attribute__((target("arch=x86-64-v4"))), ::sluice::cpu::above_zero_avx512) \
  DEFINE(__attribute__((target("arch=x86-64-v3"))), ::sluice::cpu::above_zero_avx2)   \
  DEFINE(__attribute__((target("default"))), ::sluice::cpu::above_zero)
#else
#define SLUICE_PER_ISA(DEFINE) DEFINE(, ::sluice::cpu::above_zero)
#endif

/// The mask of `count` elements that are written already.
void write_mask(const float* y, std::uint32_t* mask, std::int64_t count);

/// dx[i] = dy[i] where bit i of mask is set, else 0. dx may be dy.
void select_by_mask(const std::uint32_t* mask, const float* dy, float* dx, std::int64_t count);

/// parallel_for over elements, in ranges that begin at a multiple of 32: no two threads write one word.
template <class Body>
void parallel_for_words(std::int64_t count, std::int64_t grain, const Body& body) {
  parallel_for(bit_words(count), grain / word_bits, [&](std::int64_t begin, std::int64_t end) {
    body(begin * word_bits, std::min(end * word_bits, count));
  });
}

}  // namespace sluice::cpu
