#pragma once

// The passes over an activation that batch normalisation is made of; for .cu files.

#include <sluice/core/bits.h>
#include <sluice/kernels/batch_norm/batch_norm_functors.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/channel_packs_cuda.h>
#include <sluice/kernels/shared/channel_sums_cuda.h>
#include <sluice/kernels/shared/relu_functors.h>

namespace sluice::cuda {

/// Numbers that the passes need of each channel, in rows that lie `stride` apart: those of NormalizeChannel (center,
/// slope, offset) and, for the gradient, of NormalizeChannelGrad (by_x, constant; its slope is the same). They cost
/// some double arithmetic, so a kernel of its own makes them, once for each channel. Zeros in padding: there x is 0,
/// and y must be.
struct ChannelCoefficients {
  static constexpr int forward_rows = 3, gradient_rows = 5;

  const float* first;
  std::int64_t stride;

  __device__ NormalizeChannel<float> at(std::int64_t c) const {
    return {first[c], first[c + stride], first[c + 2 * stride]};
  }
};

/// What they are made of; `sums` is null where the moments do not depend on x.
struct ChannelInputs {
  const double* moments;
  const float *scale, *shift;
  const double* sums;
  double eps;
  std::int64_t channels, padded_channels;

  __device__ ChannelStatistics statistics(std::int64_t c) const {
    return {moments[c], moments[channels + c], moments[2 * channels + c], eps};
  }
};

template <int rows>
__global__ void coefficients_kernel(ChannelInputs in, float* to) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, stride = in.padded_channels;
  for (std::int64_t c = blockIdx.x * block + threadIdx.x; c < stride; c += threads) {
    float coefficients[rows] = {};
    if (c < in.channels) {
      const ChannelStatistics s = in.statistics(c);
      const double scale = static_cast<double>(in.scale[c]);
      const auto n = NormalizeChannel<float>::make(s, scale, static_cast<double>(in.shift[c]));
      coefficients[0] = n.center;
      coefficients[1] = n.slope;
      coefficients[2] = n.offset;
      if constexpr (rows == ChannelCoefficients::gradient_rows) {
        const double sum_dy = in.sums ? in.sums[c] : 0, sum_dy_xhat = in.sums ? in.sums[in.channels + c] : 0;
        const auto g = NormalizeChannelGrad<float>::make(s, scale, in.moments[c], sum_dy, sum_dy_xhat,
                                                         static_cast<double>(n.center));
        coefficients[3] = g.by_x;
        coefficients[4] = g.constant;
      }
    }
    for (int r = 0; r < rows; ++r) to[r * stride + c] = coefficients[r];
  }
}

/// Σx, Σx².
struct MomentTerms {
  static constexpr int rows = 2;
  struct Channel {};

  __device__ Channel channel(std::int64_t) const { return {}; }
  __device__ void operator()(Channel, FloatPair (&sums)[rows], float x) const {
    sums[0].add(x);
    sums[1].add_product(x, x);
  }
};

/// Σdy, Σdy·(x − center), of the dy that relu lets pass.
template <bool relu>
struct GradTerms {
  static constexpr int rows = 2;
  using Channel = NormalizeChannel<float>;

  ChannelCoefficients coefficients;

  __device__ Channel channel(std::int64_t c) const { return coefficients.at(c); }
  __device__ void operator()(const Channel& n, FloatPair (&sums)[rows], float dy, float x) const {
    if constexpr (relu) dy = ReluGradFunctor{}(ReluMaskFunctor{}(n(x)), dy);
    sums[0].add(dy);
    sums[1].add_product(dy, x - n.center);
  }
};

/// Row `row` for the channels of a pack that begins at channel `c`.
template <class Shape>
__device__ Pack<float, Shape::channels> coefficients_of(const ChannelCoefficients& all, int row, std::int64_t c) {
  return load_pack<Shape::channels>(all.first + row * all.stride + c, 0);
}

/// y = normalised x [+ addend][, relu]; with both also the mask of relu (relu.h). y may be x or addend.
template <class Shape, bool has_addend, bool relu>
__global__ void normalize_kernel(ChannelView view, ChannelCoefficients coefficients, const float* x,
                                 const float* addend, float* y, std::uint32_t* mask) {
  constexpr int word_packs = static_cast<int>(word_bits) / Shape::width;
  const Extents<4> extents = pack_extents<Shape>(view);
  const std::int64_t packs = view.samples * view.outer * view.spatial * view.inner / Shape::width;
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, thread = blockIdx.x * block + threadIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  GridIndex<4> at(extents, thread, threads);
  // A warp goes on as long as one of its threads has work, because they make words of the mask together.
  for (std::int64_t p = thread; p - lane < packs; p += threads, at.advance(extents)) {
    std::uint32_t word = 0;
    if (p < packs) {
      const std::int64_t c = first_channel<Shape>(view, at);
      const auto center = coefficients_of<Shape>(coefficients, 0, c),
                 slope = coefficients_of<Shape>(coefficients, 1, c),
                 offset = coefficients_of<Shape>(coefficients, 2, c);
      auto values = load_pack<Shape::width>(x, p);
      const auto others = load_pack<Shape::width>(has_addend ? addend : x, p);
      for (int i = 0; i < Shape::width; ++i) {
        const int k = i / Shape::per_channel;
        float value = NormalizeChannel<float>{center.at[k], slope.at[k], offset.at[k]}(values.at[i]);
        if constexpr (has_addend) value += others.at[i];
        if constexpr (relu) value = ReluFunctor{}(value);
        values.at[i] = value;
        word |= static_cast<std::uint32_t>(ReluMaskFunctor{}(value)) << (lane % word_packs * Shape::width + i);
      }
      reinterpret_cast<Pack<float, Shape::width>*>(y)[p] = values;
    }
    if constexpr (has_addend && relu) {
      for (int distance = 1; distance < word_packs; distance *= 2) word |= __shfl_xor_sync(whole_warp, word, distance);
      if (lane % word_packs == 0 && p < packs) mask[p / word_packs] = word;
    }
  }
}

/// dx = dy · slope [+ (x − center) · by_x + constant], dy being what relu lets pass. dx may be dy or x. Without
/// `through_moments` x is left out altogether: 0 times an x that is not finite would be NaN.
template <class Shape, bool relu, bool through_moments>
__global__ void normalize_grad_kernel(ChannelView view, ChannelCoefficients coefficients, const float* dy,
                                      const float* x, float* dx) {
  const Extents<4> extents = pack_extents<Shape>(view);
  const std::int64_t packs = view.samples * view.outer * view.spatial * view.inner / Shape::width;
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, thread = blockIdx.x * block + threadIdx.x;
  GridIndex<4> at(extents, thread, threads);
  for (std::int64_t p = thread; p < packs; p += threads, at.advance(extents)) {
    const std::int64_t c = first_channel<Shape>(view, at);
    const auto center = coefficients_of<Shape>(coefficients, 0, c), slope = coefficients_of<Shape>(coefficients, 1, c),
               by_x = coefficients_of<Shape>(coefficients, 3, c), constant = coefficients_of<Shape>(coefficients, 4, c);
    Pack<float, Shape::channels> offset;
    if constexpr (relu) offset = coefficients_of<Shape>(coefficients, 2, c);
    auto d = load_pack<Shape::width>(dy, p);
    const auto values = load_pack<Shape::width>(x, p);
    for (int i = 0; i < Shape::width; ++i) {
      const int k = i / Shape::per_channel;
      if constexpr (relu) {
        const NormalizeChannel<float> n{center.at[k], slope.at[k], offset.at[k]};
        d.at[i] = ReluGradFunctor{}(ReluMaskFunctor{}(n(values.at[i])), d.at[i]);
      }
      d.at[i] = d.at[i] * slope.at[k];
      if constexpr (through_moments) d.at[i] += (values.at[i] - center.at[k]) * by_x.at[k] + constant.at[k];
    }
    reinterpret_cast<Pack<float, Shape::width>*>(dx)[p] = d;
  }
}

}  // namespace sluice::cuda
