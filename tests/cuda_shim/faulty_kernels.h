#pragma once

#include <cuda_runtime_api.h>

namespace sluice::test {

// Kernels that are right, and the same ones with a mistake that the shim has to show. One block of `threads` each.

/// y[i] = x[threads - 1 - i] through shared memory, with the barrier that this needs or without.
void reverse(cudaStream_t stream, int threads, const float* x, float* y, bool barrier);
/// y[warp] = Σ x of the warp's lanes, by shuffles.
void warp_sums(cudaStream_t stream, int threads, const float* x, float* y);
/// y[i] = what the shuffles up, down by one and of lane 3 in groups of 8 gave lane i, as digits of 100s; y[32] = the
/// ballot of odd lanes.
void lanes(cudaStream_t stream, int* y);
/// Half of the threads end before the barrier.
void barrier_for_half(cudaStream_t stream, int threads);
/// Both halves wait, each at a barrier of its own.
void two_barriers(cudaStream_t stream, int threads);
/// Lane 31 ends before the shuffle of the whole warp.
void shuffle_without_a_lane(cudaStream_t stream, float* y);
/// seen[block] = what shared memory holds when the block begins; leaves something there.
void leave_in_shared(cudaStream_t stream, int blocks, float* seen);
/// y[i] += x[i].
void add(cudaStream_t stream, int count, const float* x, float* y);

}  // namespace sluice::test
