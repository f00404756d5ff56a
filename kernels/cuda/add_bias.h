#pragma once

#include <cstdint>

#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice::cuda {

/// y[row,k] += bias[k]: for products of a library that does not add the bias itself.
void add_bias(const Queue& queue, float* y, const float* bias, std::int64_t rows, std::int64_t channels);

}  // namespace sluice::cuda
