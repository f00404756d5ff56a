#pragma once

#include <initializer_list>

#include <sluice/core/kernel.h>

namespace sluice {

// What kernel factories of any device decide about layouts in the same few ways.

/// Makes `inputs` (values of equal dims that a kernel walks element by element) and output `output` lie alike, and
/// returns that layout: the output's where it is pinned, else that of the first pinned input, so that nothing is
/// reordered in the usual case. `output` -1: no output takes part.
Layout share_layout(LoweringContext& context, std::initializer_list<int> inputs, int output = 0);

/// How much of an elementwise result an operand is: all of it, a batch value that every sample reads, or one number.
enum class OperandExtent { full, row, scalar };

/// Of input `i` beside output 0.
OperandExtent operand_extent(const LoweringContext& context, int i);

/// share_layout() of output 0 and those of inputs 0 and 1 that are all of it; at least one is.
void share_layout_of_full_operands(LoweringContext& context);

/// Asks for plain (row-major) layout of every input and output. Throws BackendError when an output is pinned to
/// another.
void require_all_plain(LoweringContext& context);

/// Throws BackendError, naming the op, unless every floating input and output is f32.
void require_f32(const LoweringContext& context);

/// True when each sample of `value` is one contiguous run of memory, padding included.
bool samples_contiguous(const LoweredValue& value);

}  // namespace sluice
