#pragma once

#include <cstdint>

#include <sluice/kernels/cuda/queue.h>

namespace sluice::cuda {

// Passes over what a library's kernel has written, where the library does not do them itself.

/// y[row,k] += bias[k].
void add_bias(const Queue& queue, float* y, const float* bias, std::int64_t rows, std::int64_t channels);

/// y = max(y, 0); NaN stays NaN.
void relu_in_place(const Queue& queue, float* y, std::int64_t count);

}  // namespace sluice::cuda
