#pragma once

#include <span>
#include <string>
#include <string_view>

#include <sluice/core/op.h>

namespace sluice {

/// What of the f32 value `name` is not as an op needs it: "x is u8, not f32", "x is a batch value, not a sample value",
/// "x has 4 dimensions, not 2" (a sample value's N is one of them). Empty: nothing.
std::string input_fault(std::string_view name, const ValueSpec& spec, Scope scope, int rank);

/// Why a value of integers is none of f32, to stand behind a rule; empty for other dtypes.
std::string conversion_hint(const ValueSpec& spec);

/// Throws ShapeError, which says what is wrong, unless input `i` is f32, of this scope and rank (without N). `names`
/// and `rule`: see throw_shape_error.
void check_input(const Op& op, std::size_t i, Scope scope, int rank, std::string_view names,
                 std::span<const ValueSpec> inputs, const std::string& rule);

/// Throws ShapeError, which begins with `who` and says what is wrong, unless logits are f32 sample values [N,C,...] and
/// labels i32 ones [N,...].
void check_labels(std::string_view who, const ValueSpec& logits, const ValueSpec& labels);

}  // namespace sluice
