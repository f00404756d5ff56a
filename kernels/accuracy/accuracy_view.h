#pragma once

#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/accuracy/accuracy_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {

/// Extents and functor of a lowering of correct; everything plain.
struct CorrectView {
  std::int64_t samples, positions;
  CorrectFunctor functor;

  explicit CorrectView(LoweringContext& context)
      : samples(context.input(1).dims[0]),
        positions(context.input(1).elements() / samples) {
    require_all_plain(context);
    const std::optional<int>& ignored = context.op<CorrectOp>().correct_options().ignore_index;
    functor = {ignored.has_value(), ignored.value_or(0), context.input(0).dims[1], positions};
  }

  /// Writes the count of sample n.
  template <class T>
  void run(const Addresses& at, std::int64_t n) const {
    const T* x = static_cast<const T*>(at.inputs[0]) + n * functor.classes * positions;
    const auto* labels = static_cast<const std::int32_t*>(at.inputs[1]) + n * positions;
    std::int64_t right = 0;
    for (std::int64_t p = 0; p < positions; ++p) right += functor(x + p, labels[p]);
    static_cast<T*>(at.outputs[0])[n] = static_cast<T>(right);
  }
};

}  // namespace sluice
