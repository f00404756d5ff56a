#include "cuda_shim/faulty_kernels.h"

#include <cuda_runtime.h>

namespace sluice::test {
namespace {

constexpr unsigned everybody = 0xFFFFFFFFu;

template <class... Parameters, class... Arguments>
void launch(cudaStream_t stream, int blocks, int threads, void (*kernel)(Parameters...), Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = stream;
  (void)cudaLaunchKernelEx(&config, kernel, arguments...);
}

__global__ void reverse_kernel(const float* x, float* y, bool barrier) {
  __shared__ float values[1024];
  values[threadIdx.x] = x[threadIdx.x];
  if (barrier) __syncthreads();
  y[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}

__global__ void warp_sum_kernel(const float* x, float* y) {
  float sum = x[threadIdx.x];
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(everybody, sum, lanes);
  if (threadIdx.x % 32 == 0) y[threadIdx.x / 32] = sum;
}

__global__ void lanes_kernel(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  const int up = __shfl_up_sync(everybody, lane, 1), down = __shfl_down_sync(everybody, lane, 1);
  const int third = __shfl_sync(everybody, lane, 3, 8);
  y[lane] = up * 10000 + down * 100 + third;
  const unsigned odd = __ballot_sync(everybody, lane % 2);
  if (lane == 0) y[32] = static_cast<int>(odd >> 1);
}

__global__ void barrier_for_half_kernel() {
  if (threadIdx.x < blockDim.x / 2) return;
  __syncthreads();
}

__global__ void two_barriers_kernel() {
  if (threadIdx.x < blockDim.x / 2) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void shuffle_without_a_lane_kernel(float* y) {
  if (threadIdx.x == 31) return;
  y[threadIdx.x] = __shfl_down_sync(everybody, y[threadIdx.x], 1);
}

__global__ void leave_in_shared_kernel(float* seen) {
  __shared__ float left;
  if (threadIdx.x > 0) return;
  seen[blockIdx.x] = left;
  left = 7;
}

__global__ void add_kernel(int count, const float* x, float* y) {
  const int threads = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += threads) y[i] += x[i];
}

}  // namespace

void reverse(cudaStream_t stream, int threads, const float* x, float* y, bool barrier) {
  launch(stream, 1, threads, reverse_kernel, x, y, barrier);
}
void warp_sums(cudaStream_t stream, int threads, const float* x, float* y) {
  launch(stream, 1, threads, warp_sum_kernel, x, y);
}
void lanes(cudaStream_t stream, int* y) { launch(stream, 1, 32, lanes_kernel, y); }
void barrier_for_half(cudaStream_t stream, int threads) { launch(stream, 1, threads, barrier_for_half_kernel); }
void two_barriers(cudaStream_t stream, int threads) { launch(stream, 1, threads, two_barriers_kernel); }
void shuffle_without_a_lane(cudaStream_t stream, float* y) { launch(stream, 1, 32, shuffle_without_a_lane_kernel, y); }
void leave_in_shared(cudaStream_t stream, int blocks, float* seen) {
  launch(stream, blocks, 32, leave_in_shared_kernel, seen);
}
void add(cudaStream_t stream, int count, const float* x, float* y) { launch(stream, 2, 64, add_kernel, count, x, y); }

}  // namespace sluice::test
