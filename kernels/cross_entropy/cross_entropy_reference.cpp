#include <sluice/kernels/cross_entropy/cross_entropy_view.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// A kernel that does `body(view, addresses, sample)` for one sample after the other.
template <class Body>
KernelFactory per_sample(bool has_dloss, Body body) {
  return [=](LoweringContext& context) {
    require_all_plain(context);
    return make_kernel([body, view = CrossEntropyView::of(context, has_dloss)](const Addresses& at, const RunContext&) {
      for (std::int64_t n = 0; n < view.samples; ++n) body(view, at, n);
    });
  };
}

}  // namespace

void register_cross_entropy_reference(KernelTable& table) {
  table.add("cross_entropy_loss",
            per_sample(false, [](const CrossEntropyView& view, const Addresses& at, std::int64_t n) {
              static_cast<double*>(at.outputs[0])[n] = cross_entropy_loss_part<double>(view, at, n, 0, view.positions);
            }));
  table.add("cross_entropy_weight",
            per_sample(false, [](const CrossEntropyView& view, const Addresses& at, std::int64_t n) {
              static_cast<double*>(at.outputs[0])[n] = cross_entropy_weight_of<double>(view, at, n);
            }));
  table.add("cross_entropy_grad",
            per_sample(true, [](const CrossEntropyView& view, const Addresses& at, std::int64_t n) {
              cross_entropy_grad_part<double>(view, at, n, 0, view.positions);
            }));
}

}  // namespace sluice
