#include <sluice/kernels/reorder/reorder.h>

namespace sluice {

std::vector<ValueSpec> ReorderOp::infer(std::span<const ValueSpec> inputs) const { return {inputs[0]}; }

}  // namespace sluice
