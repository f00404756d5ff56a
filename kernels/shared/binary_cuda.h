#pragma once

#include <array>
#include <cstdint>

#include <sluice/core/kernel.h>

namespace sluice::cuda {

/// How a kernel with two operands walks memory.
struct BinaryExtents {
  std::int64_t count;                   ///< elements of the result, padding included
  std::array<std::int64_t, 2> periods;  ///< elements after which an operand begins again
};

/// Layouts of an op with two operands of equal per-sample shape, of which one may be a batch scalar or a batch value
/// that every sample reads: any that operands and result can share, where a batch value lies as a sample does. Padding
/// only where `zero_stays_zero` (f(0, 0) = f(0, s) = 0). A second output, a mask, lies as the first.
BinaryExtents lower_operands(LoweringContext& context, bool zero_stays_zero);

}  // namespace sluice::cuda
