#pragma once

#include <sluice/core/op.h>

namespace sluice {

/// The same value in another physical layout. Lowering inserts it between kernels that disagree; it is no part of a
/// graph. x: any f32, i32 or u8 value in any layout; padding of the result holds zeros.
class ReorderOp final : public Op {
 public:
  std::string_view type() const override { return "reorder"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override;
  bool batch_capable() const override { return true; }
  bool linear_in(int) const override { return true; }
};

}  // namespace sluice
