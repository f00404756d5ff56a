#pragma once

#include <sluice/core/kernel.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice::reference {

/// A kernel y[i] = f(a[i]) over doubles.
template <class Function>
KernelFactory map(Function f) {
  return [f](LoweringContext& context) {
    require_all_plain(context);
    return make_kernel([f, count = context.output(0).elements()](const Addresses& at, const RunContext&) {
      const auto* a = static_cast<const double*>(at.inputs[0]);
      auto* y = static_cast<double*>(at.outputs[0]);
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i]);
    });
  };
}

/// A kernel y[i] = f(a[i], b[i]) over doubles; a batch value beside a sample one repeats for every sample, a batch
/// scalar for every element.
template <class Function>
KernelFactory map2(Function f) {
  return [f](LoweringContext& context) -> std::unique_ptr<Kernel> {
    require_all_plain(context);
    const std::int64_t count = context.output(0).elements();
    const std::int64_t a_count = context.input(0).elements(), b_count = context.input(1).elements();
    return make_kernel([=](const Addresses& at, const RunContext&) {
      const auto* a = static_cast<const double*>(at.inputs[0]);
      const auto* b = static_cast<const double*>(at.inputs[1]);
      auto* y = static_cast<double*>(at.outputs[0]);
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i % a_count], b[i % b_count]);
    });
  };
}

}  // namespace sluice::reference
