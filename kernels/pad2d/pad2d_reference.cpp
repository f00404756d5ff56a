#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// visit(position in the large map, position in the small one, or −1 in its edges) for every element of the large one.
template <class Visit>
void for_each_element(const Shape& large, const Shape& small, const Edges2d& edges, const Visit& visit) {
  for (std::int64_t at = 0; at < large.elements(); ++at) {
    const std::int64_t plane = at / (large[2] * large[3]);
    const std::int64_t row = at / large[3] % large[2] - edges.top, column = at % large[3] - edges.left;
    const bool inside = row >= 0 && row < small[2] && column >= 0 && column < small[3];
    visit(at, inside ? (plane * small[2] + row) * small[3] + column : -1);
  }
}

std::unique_ptr<Kernel> lower_pad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([small = context.input(0).dims, large = context.output(0).dims,
                      edges = context.op<Pad2dOpBase>().edges()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for_each_element(large, small, edges, [=](std::int64_t to, std::int64_t from) { y[to] = from < 0 ? 0 : x[from]; });
  });
}

std::unique_ptr<Kernel> lower_crop(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([small = context.output(0).dims, large = context.input(0).dims,
                      edges = context.op<Pad2dOpBase>().edges()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for_each_element(large, small, edges, [=](std::int64_t from, std::int64_t to) {
      if (to >= 0) y[to] = x[from];
    });
  });
}

}  // namespace

void register_pad2d_reference(KernelTable& table) {
  table.add("pad2d", lower_pad);
  table.add("crop2d", lower_crop);
}

}  // namespace sluice
