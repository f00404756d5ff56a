#pragma once

#include <cstdint>
#include <memory>

#include <sluice/core/kernel.h>

namespace sluice::cpu {

/// One operand of a binary elementwise loop: an array, or one number for all elements.
struct Operand {
  const float* values = nullptr;
  bool scalar = false;

  Operand from(std::int64_t i) const { return {scalar ? values : values + i, scalar}; }
};

/// y[i] = f(a[i], b[i]) for i < count.
using BinaryRange = void (*)(Operand a, Operand b, float* y, std::int64_t count);

/// The body of a BinaryRange; inlined into a function marked SLUICE_CLONES so that it is compiled for each instruction
/// set.
template <class Function>
[[gnu::always_inline]] inline void binary_range(Function f, Operand a, Operand b, float* y, std::int64_t count) {
  if (b.scalar) {
    const float value = *b.values;
    if (a.scalar) {
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(*a.values, value);
      return;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a.values[i], value);
  } else if (a.scalar) {
    const float value = *a.values;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(value, b.values[i]);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a.values[i], b.values[i]);
  }
}

/// The same, and output 1: the mask of y (relu_mask_cpu.h), whose first word holds the bit of y[0].
using MaskedBinaryRange = void (*)(Operand a, Operand b, float* y, std::uint32_t* mask, std::int64_t count);

/// A kernel for an op with two operands of equal per-sample shape, of which one may be a batch scalar or a batch value
/// that every sample reads. Operands may lie in any layout when `zero_stays_zero` (f(0, 0) = f(0, s) = 0, so that
/// padding keeps its zeros), else all are plain.
std::unique_ptr<Kernel> lower_binary(LoweringContext& context, BinaryRange range, bool zero_stays_zero);
/// For an op that ends in a relu and has its mask as output 1. `masked` is used where no operand repeats for every
/// sample.
std::unique_ptr<Kernel> lower_binary(LoweringContext& context, BinaryRange range, MaskedBinaryRange masked,
                                     bool zero_stays_zero);

}  // namespace sluice::cpu
