#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t planes = context.output(0).elements(), plane = context.input(0).elements() / planes;
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t p = 0; p < planes; ++p) {
      y[p] = 0;
      for (std::int64_t i = 0; i < plane; ++i) y[p] += x[p * plane + i];
      y[p] /= static_cast<double>(plane);
    }
  });
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t count = context.output(0).elements(), plane = count / context.input(0).elements();
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const double*>(at.inputs[0]);
    auto* dx = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i / plane] / static_cast<double>(plane);
  });
}

}  // namespace

void register_global_avg_pool2d_reference(KernelTable& table) {
  table.add("global_avg_pool2d", lower_forward);
  table.add("global_avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
