#include <sluice/kernels/finite_check/finite_check_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_finite_check(LoweringContext& context) {
  require_all_plain(context);
  std::vector<std::int64_t> counts;
  counts.reserve(static_cast<std::size_t>(context.inputs()));
  for (int i = 0; i < context.inputs(); ++i) counts.push_back(context.input(i).elements());
  return make_kernel([counts](const Addresses& at, const RunContext&) {
    std::int32_t bad = 0;
    for (std::size_t v = 0; v < counts.size(); ++v)
      for (std::int64_t i = 0; i < counts[v]; ++i)
        bad += NotFiniteFunctor{}(static_cast<const double*>(at.inputs[v])[i]);
    *static_cast<std::int32_t*>(at.outputs[0]) = bad;
  });
}

}  // namespace

void register_finite_check_reference(KernelTable& table) { table.add("finite_check", lower_finite_check); }

}  // namespace sluice
