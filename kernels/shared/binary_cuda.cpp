#include <sluice/kernels/shared/binary_cuda.h>

#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/sample_layout.h>

namespace sluice::cuda {
namespace {

void share(LoweringContext& context, OperandExtent a, OperandExtent b, bool padding) {
  share_layout_of_full_operands(context);
  const LoweredValue& y = context.output(0);
  const std::optional<Layout> sample = layout_of_sample(y);
  const bool rows = a == OperandExtent::row || b == OperandExtent::row;
  const bool padded = y.padded_elements() != y.elements();
  // A number that is not finite does not keep zeros.
  const bool scalar = a == OperandExtent::scalar || b == OperandExtent::scalar;
  if ((rows && !sample) || (padded && (!padding || scalar))) return require_all_plain(context);
  if (rows) context.require(a == OperandExtent::row ? 0 : 1, *sample);
}

}  // namespace

BinaryExtents lower_operands(LoweringContext& context, bool zero_stays_zero) {
  require_f32(context);
  const OperandExtent a = operand_extent(context, 0), b = operand_extent(context, 1);
  share(context, a, b, zero_stays_zero);
  const LoweredValue& y = context.output(0);
  if (context.outputs() > 1) context.set_layout(1, y.layout);
  const std::int64_t count = y.padded_elements();
  const auto period = [&](OperandExtent extent) {
    return extent == OperandExtent::scalar ? 1 : extent == OperandExtent::row ? count / y.dims[0] : count;
  };
  return {count, {period(a), period(b)}};
}

}  // namespace sluice::cuda
