#include <algorithm>

#include <sluice/kernels/sgd/sgd.h>
#include <sluice/kernels/sgd/sgd_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_sgd(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<SgdOp>();
  std::vector<std::int64_t> counts;
  counts.reserve(static_cast<std::size_t>(op.parameters()));
  for (int i = 0; i < op.parameters(); ++i) counts.push_back(context.input(i).elements());
  return make_kernel(
      [counts, options = op.update_options(), lr_input = op.lr_input()](const Addresses& at, const RunContext&) {
        const auto value = [&](std::size_t i) { return static_cast<double*>(at.inputs[i]); };
        const SgdFunctor<double> f{SgdCoefficients<double>(options), *value(static_cast<std::size_t>(lr_input))};
        const std::size_t m = counts.size();
        for (std::size_t k = 0; k < m; ++k) {
          for (std::int64_t i = 0; i < counts[k]; ++i) {
            if (options.momentum != 0)
              f(value(k)[i], value(m + k)[i], value(2 * m + k)[i]);
            else
              f(value(k)[i], value(m + k)[i]);
          }
        }
        for (std::size_t k = 0; options.clear_gradients && k < m; ++k) std::fill_n(value(m + k), counts[k], 0.0);
      });
}

}  // namespace

void register_sgd_reference(KernelTable& table) { table.add("sgd", lower_sgd); }

}  // namespace sluice
