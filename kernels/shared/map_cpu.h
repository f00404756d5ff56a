#pragma once

#include <cstdint>
#include <memory>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice::cpu {

// Kernels of elementwise ops with f(0) = 0 (or f(0, 0) = 0): in any layout, padding included, as long as all values
// share it, because padding holds zeros and stays so. The loop is a function marked SLUICE_CLONES; its output may share
// the address of an input, which `#pragma omp simd` allows at equal positions. `grain`: elements a thread should have
// at least, about 10 µs of work.

inline constexpr std::int64_t map_grain = 1 << 14;  // of loops that do little more than pass over memory

/// y[i] = f(x[i]); `range(x, y, count)`.
template <class Range>
std::unique_ptr<Kernel> lower_map(LoweringContext& context, Range range, std::int64_t grain = map_grain) {
  share_layout(context, {0});
  return make_kernel([=, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    parallel_for(count, grain, [=](std::int64_t begin, std::int64_t end) { range(x + begin, y + begin, end - begin); });
  });
}

/// y[i] = f(a[i], b[i]); `range(a, b, y, count)`.
template <class Range>
std::unique_ptr<Kernel> lower_map2(LoweringContext& context, Range range, std::int64_t grain = map_grain) {
  share_layout(context, {0, 1});
  return make_kernel([=, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* a = static_cast<const float*>(at.inputs[0]);
    const auto* b = static_cast<const float*>(at.inputs[1]);
    auto* y = static_cast<float*>(at.outputs[0]);
    parallel_for(count, grain,
                 [=](std::int64_t begin, std::int64_t end) { range(a + begin, b + begin, y + begin, end - begin); });
  });
}

}  // namespace sluice::cpu
