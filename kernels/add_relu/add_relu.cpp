#include <sluice/kernels/add_relu/add_relu.h>

#include <sluice/kernels/relu/relu.h>

namespace sluice {

std::vector<ValueSpec> AddReluOp::infer(std::span<const ValueSpec> inputs) const {
  const ValueSpec &a = inputs[0], &b = inputs[1];
  if (a.shape != b.shape || a.dtype != b.dtype || !is_floating(a.dtype))
    throw_shape_error(*this, "operands differ or are not floating", "a,b", inputs, "equal shapes and floating dtype");
  const ValueSpec y{a.shape, a.dtype, a.is_sample() || b.is_sample() ? Scope::sample : Scope::batch};
  return {y, relu_mask(y)};
}

}  // namespace sluice
