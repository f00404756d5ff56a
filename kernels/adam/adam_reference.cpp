#include <algorithm>

#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/adam/adam_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_adam(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<AdamOp>();
  std::vector<std::int64_t> counts;
  counts.reserve(static_cast<std::size_t>(op.parameters()));
  for (int i = 0; i < op.parameters(); ++i) counts.push_back(context.input(i).elements());
  return make_kernel([counts, clear = op.update_options().clear_gradients,
                      coefficients = AdamCoefficients<double>(op.update_options())](const Addresses& at,
                                                                                    const RunContext&) {
    const auto value = [&](std::size_t i) { return static_cast<double*>(at.inputs[i]); };
    const std::size_t m = counts.size();
    const AdamFunctor<double> f{coefficients, *value(4 * m), *value(4 * m + 1), {*value(4 * m + 2), *value(4 * m + 3)}};
    for (std::size_t k = 0; k < m; ++k)
      for (std::int64_t i = 0; i < counts[k]; ++i)
        f(value(k)[i], value(m + k)[i], value(2 * m + k)[i], value(3 * m + k)[i]);
    for (std::size_t k = 0; clear && k < m; ++k) std::fill_n(value(m + k), counts[k], 0.0);
  });
}

}  // namespace

void register_adam_reference(KernelTable& table) { table.add("adam", lower_adam); }

}  // namespace sluice
