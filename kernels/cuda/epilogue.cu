#include <sluice/kernels/cuda/epilogue.h>

#include <sluice/kernels/cuda/launch.h>

namespace sluice::cuda {
namespace {

__global__ void add_bias_kernel(float* y, const float* bias, std::int64_t count, std::int64_t channels) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  for (std::int64_t i = blockIdx.x * block + threadIdx.x; i < count; i += threads) y[i] += bias[i % channels];
}

/// Compares, because fmaxf would make a number of NaN.
struct PositiveOrNan {
  SLUICE_HOST_DEVICE float operator()(float y) const { return y < 0 ? 0 : y; }
};

}  // namespace

void add_bias(const Queue& queue, float* y, const float* bias, std::int64_t rows, std::int64_t channels) {
  launch(queue, rows * channels, add_bias_kernel, y, bias, rows * channels, channels);
}

void relu_in_place(const Queue& queue, float* y, std::int64_t count) {
  map(queue, count, PositiveOrNan{}, y, static_cast<const float*>(y));
}

}  // namespace sluice::cuda
