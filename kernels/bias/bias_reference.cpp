#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

struct Extents {
  std::int64_t samples, channels, spatial;
};

Extents extents(const LoweredValue& x) { return {x.dims[0], x.dims[1], x.elements() / (x.dims[0] * x.dims[1])}; }

std::unique_ptr<Kernel> lower_bias(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([e = extents(context.input(0))](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    const auto* b = static_cast<const double*>(at.inputs[1]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < e.samples * e.channels * e.spatial; ++i) y[i] = x[i] + b[i / e.spatial % e.channels];
  });
}

std::unique_ptr<Kernel> lower_bias_grad(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([e = extents(context.input(0))](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    auto* db = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < e.samples * e.channels * e.spatial; ++i) db[i / e.spatial % e.channels] += dy[i];
  });
}

}  // namespace

void register_bias_reference(KernelTable& table) {
  table.add("bias", lower_bias);
  table.add("bias_grad", lower_bias_grad);
}

}  // namespace sluice
