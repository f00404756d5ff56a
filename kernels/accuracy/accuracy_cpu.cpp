#include <sluice/kernels/accuracy/accuracy_view.h>
#include <sluice/kernels/cpu/parallel.h>

namespace sluice {

void register_accuracy_cpu(KernelTable& table) {
  table.add("correct", [](LoweringContext& context) {
    return make_kernel([view = CorrectView(context)](const Addresses& at, const RunContext&) {
      const std::int64_t grain = std::max<std::int64_t>(1, 16384 / (view.positions * view.functor.classes));
      cpu::parallel_for(view.samples, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) view.run<float>(at, n);
      });
    });
  });
}

}  // namespace sluice
