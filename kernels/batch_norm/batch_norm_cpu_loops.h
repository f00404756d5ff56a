#pragma once

#include <cstdint>

namespace sluice::cpu {

// The loops of batch normalisation over one block of an activation, [spatial][inner]: `inner` adjacent channels at each
// position (one, in a plain layout). Coefficients are one number a channel.

/// Three coefficients of `inner` channels, in arrays that lie `stride` apart: center, slope, offset of y = (x − center)
/// · slope + offset; for gradients slope, by_x, constant (see batch_norm_functors.h).
struct Normalization {
  const float* first;
  std::int64_t stride;

  const float* row(int i) const { return first + i * stride; }
};

/// sums[0][i] += Σx, sums[1][i] += Σx², in double.
void moments_block(const float* x, double* sums, std::int64_t spatial, std::int64_t inner);

/// y = normalised x [+ addend][, relu]. y may be x or addend; addend may be null.
void normalize_block(const float* x, const float* addend, float* y, const Normalization& n, std::int64_t spatial,
                     std::int64_t inner, bool relu);

/// The same with addend and relu, and the mask of y (relu_mask_cpu.h). spatial · inner is a multiple of 32.
void normalize_masked_block(const float* x, const float* addend, float* y, std::uint32_t* mask, const Normalization& n,
                            std::int64_t spatial, std::int64_t inner);

/// sums[0][i] += Σdy, sums[1][i] += Σdy·(x − center), in double; with `relu` of the dy where normalised x is not <= 0.
void grad_sums_block(const float* dy, const float* x, const Normalization& n, double* sums, std::int64_t spatial,
                     std::int64_t inner, bool relu);

/// dx = dy · slope [+ (x − center) · by_x + constant], dy being 0 with `relu` where normalised x <= 0. dx may be dy or
/// x. Without `through_moments` x is left out altogether: 0 times an x that is not finite would be NaN.
void grad_input_block(const float* dy, const float* x, float* dx, const Normalization& n, const Normalization& gradient,
                      std::int64_t spatial, std::int64_t inner, bool relu, bool through_moments);

}  // namespace sluice::cpu
