#include <algorithm>

#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

namespace sluice {
namespace {

/// visit(position in the large map, position in the small one) for every element of the large one.
template <class Visit>
void for_each_copy(const Shape& large, Size2d factor, const Visit& visit) {
  const std::int64_t height = large[2], width = large[3];
  for (std::int64_t at = 0; at < large.elements(); ++at) {
    const std::int64_t plane = at / (height * width), row = at / width % height, column = at % width;
    visit(at, (plane * (height / factor.h) + row / factor.h) * (width / factor.w) + column / factor.w);
  }
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([dims = context.output(0).dims, factor = context.op<UpsampleNearest2dOpBase>().factor()](
                         const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for_each_copy(dims, factor, [=](std::int64_t large, std::int64_t small) { y[large] = x[small]; });
  });
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([dims = context.input(0).dims, count = context.output(0).elements(),
                      factor = context.op<UpsampleNearest2dOpBase>().factor()](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    std::fill_n(dx, count, 0.0);
    for_each_copy(dims, factor, [=](std::int64_t large, std::int64_t small) { dx[small] += dy[large]; });
  });
}

}  // namespace

void register_upsample_nearest2d_reference(KernelTable& table) {
  table.add("upsample_nearest2d", lower_forward);
  table.add("upsample_nearest2d_grad", lower_grad);
}

}  // namespace sluice
