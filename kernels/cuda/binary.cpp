#include <sluice/kernels/cuda/binary.h>

#include <sluice/kernels/lowering.h>
#include <sluice/kernels/sample_layout.h>

namespace sluice::cuda {
namespace {

enum class Extent { full, row, scalar };

Extent extent(const LoweringContext& context, int i) {
  const LoweredValue& value = context.input(i);
  if (value.dims == context.output(0).dims) return Extent::full;
  return value.elements() == 1 ? Extent::scalar : Extent::row;
}

void share(LoweringContext& context, Extent a, Extent b, bool padding) {
  if (a == Extent::full && b == Extent::full)
    share_layout(context, {0, 1});
  else
    share_layout(context, {a == Extent::full ? 0 : 1});
  const LoweredValue& y = context.output(0);
  const std::optional<Layout> sample = layout_of_sample(y);
  const bool rows = a == Extent::row || b == Extent::row;
  if ((rows && !sample) || (!padding && y.padded_elements() != y.elements())) return require_all_plain(context);
  if (rows) context.require(a == Extent::row ? 0 : 1, *sample);
}

}  // namespace

BinaryExtents lower_operands(LoweringContext& context, bool zero_stays_zero) {
  require_f32(context);
  const Extent a = extent(context, 0), b = extent(context, 1);
  share(context, a, b, zero_stays_zero);
  const LoweredValue& y = context.output(0);
  if (context.outputs() > 1) context.set_layout(1, y.layout);
  const std::int64_t count = y.padded_elements();
  const auto period = [&](Extent extent) {
    return extent == Extent::scalar ? 1 : extent == Extent::row ? count / y.dims[0] : count;
  };
  return {count, {period(a), period(b)}};
}

}  // namespace sluice::cuda
