#pragma once

#include <cstdint>
#include <memory>

#include <sluice/core/kernel.h>
#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice::cuda {

/// The mask of a relu (relu_mask) from its result alone, in any layout: for fusions with an op whose kernel has no
/// place for a second output.
std::unique_ptr<Kernel> lower_relu_mask(LoweringContext& context);

/// y = relu(y) behind a library's kernel that does not do it so that NaN passes.
void relu_in_place(const Queue& queue, float* y, std::int64_t count);

}  // namespace sluice::cuda
