#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_sum(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t samples = context.output(0).elements(), count = context.input(0).elements() / samples;
  return make_kernel([samples, count](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t n = 0; n < samples; ++n) {
      y[n] = 0;
      for (std::int64_t i = 0; i < count; ++i) y[n] += x[n * count + i];
    }
  });
}

std::unique_ptr<Kernel> lower_expand(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t samples = context.input(0).elements(), total = context.output(0).elements();
  return make_kernel([per_sample = total / samples, total](const Addresses& at, const RunContext&) {
    const auto* s = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < total; ++i) y[i] = s[i / per_sample];
  });
}

}  // namespace

void register_reduce_reference(KernelTable& table) {
  table.add("sum_per_sample", lower_sum);
  table.add("expand_per_sample", lower_expand);
}

}  // namespace sluice
