#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/shared/map_reference.h>
#include <sluice/kernels/structural/structural_copies.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_batch_sum(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t count = context.input(0).elements(), columns = context.output(0).elements();
  return make_kernel([count, columns](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* total = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < count; ++i) total[i % columns] += x[i];
  });
}

}  // namespace

void register_structural_reference(KernelTable& table) {
  table.add("add", reference::map2(AddFunctor{}));
  table.add("scale_by", reference::map2(MulFunctor{}));
  table.add("batch_sum", lower_batch_sum);
  register_structural_copies(table);
}

}  // namespace sluice
