#include <sluice/kernels/accuracy/accuracy_view.h>

namespace sluice {

void register_accuracy_reference(KernelTable& table) {
  table.add("correct", [](LoweringContext& context) {
    return make_kernel([view = CorrectView(context)](const Addresses& at, const RunContext&) {
      for (std::int64_t n = 0; n < view.samples; ++n) view.run<double>(at, n);
    });
  });
}

}  // namespace sluice
