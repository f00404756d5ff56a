#pragma once

// Factories of elementwise kernels; for .cu files.

#include <memory>

#include <sluice/kernels/shared/binary_cuda.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/operands_cuda.h>

namespace sluice::cuda {

/// y[i] = f(x[i]), f(0) = 0: in any layout, because padding holds zeros and stays so.
template <class F>
std::unique_ptr<Kernel> lower_map(LoweringContext& context, F f) {
  require_f32(context);
  share_layout(context, {0});
  return make_kernel(
      [queue = queue(context), f, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
        map(queue, count, f, static_cast<float*>(at.outputs[0]), static_cast<const float*>(at.inputs[0]));
      });
}

/// y[i] = f(a[i], b[i]), f(0, 0) = 0: likewise.
template <class F>
std::unique_ptr<Kernel> lower_map2(LoweringContext& context, F f) {
  require_f32(context);
  share_layout(context, {0, 1});
  return make_kernel(
      [queue = queue(context), f, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
        map(queue, count, f, static_cast<float*>(at.outputs[0]), static_cast<const float*>(at.inputs[0]),
            static_cast<const float*>(at.inputs[1]));
      });
}

/// y[i] = f(a[i], b[i]) where a or b may be one number, or a batch value that every sample reads.
template <class F>
std::unique_ptr<Kernel> lower_binary(LoweringContext& context, F f, bool zero_stays_zero) {
  const BinaryExtents extents = lower_operands(context, zero_stays_zero);
  return make_kernel([queue = queue(context), f, extents](const Addresses& at, const RunContext&) {
    map_operands(queue, extents.count, f, static_cast<float*>(at.outputs[0]),
                 Operand{static_cast<const float*>(at.inputs[0]), extents.periods[0]},
                 Operand{static_cast<const float*>(at.inputs[1]), extents.periods[1]});
  });
}

/// The same for an op that ends in a relu, whose mask is its second output.
template <class F>
std::unique_ptr<Kernel> lower_masked_binary(LoweringContext& context, F f, bool zero_stays_zero) {
  const BinaryExtents extents = lower_operands(context, zero_stays_zero);
  return make_kernel([queue = queue(context), f, extents](const Addresses& at, const RunContext&) {
    map_operands_masked(queue, extents.count, f, static_cast<float*>(at.outputs[0]),
                        static_cast<std::uint32_t*>(at.outputs[1]),
                        Operand{static_cast<const float*>(at.inputs[0]), extents.periods[0]},
                        Operand{static_cast<const float*>(at.inputs[1]), extents.periods[1]});
  });
}

}  // namespace sluice::cuda
