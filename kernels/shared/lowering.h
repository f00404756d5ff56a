#pragma once

#include <initializer_list>

#include <sluice/core/kernel.h>

namespace sluice {

// Common decisions of kernel factories about layouts, for all devices.

/// Gives `inputs` (values of equal dims that a kernel reads element by element) and output `output` the same layout,
/// and returns it: that of the output if it is pinned, else that of the first pinned input. So usually nothing is
/// reordered. `output` -1: only the inputs.
Layout share_layout(LoweringContext& context, std::initializer_list<int> inputs, int output = 0);

/// How much of an elementwise result an operand is: all of it, a batch value that every sample reads, or one number.
enum class OperandExtent { full, row, scalar };

/// Returns the extent of input `i`, compared with output 0.
OperandExtent operand_extent(const LoweringContext& context, int i);

/// Calls share_layout() for output 0 and those of inputs 0 and 1 that have its extent; at least one must.
void share_layout_of_full_operands(LoweringContext& context);

/// Requires plain (row-major) layout of every input and output. Throws BackendError if an output is pinned to another
/// layout.
void require_all_plain(LoweringContext& context);

/// Throws BackendError, naming the op, unless every floating input and output is f32.
void require_f32(const LoweringContext& context);

/// True when each sample of `value` is one contiguous run of memory, padding included.
bool samples_contiguous(const LoweredValue& value);

}  // namespace sluice
