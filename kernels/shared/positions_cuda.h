#pragma once

// Kernels that do something with all channels of each position of an activation; for .cu files.

#include <cstdint>

#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cuda {

/// One position as seen by one of the `lanes` adjacent threads of a warp that share its channels. The threads of a warp
/// go through the same steps, also those whose position is past the end (`exists` is false): sum() and max() ask it.
template <int lanes>
struct Position {
  ChannelView view;
  std::int64_t first;  ///< element that is its first channel
  int lane;
  bool exists;

  __device__ Position(const ChannelView& of, std::int64_t n, std::int64_t s, bool in_range)
      : view(of),
        first((n * of.outer * of.spatial + s) * of.inner),
        lane(static_cast<int>(threadIdx.x) % lanes),
        exists(in_range) {}

  /// Where channel `c` lies.
  __device__ std::int64_t element(std::int64_t c) const {
    return first + c / view.inner * view.spatial * view.inner + c % view.inner;
  }

  /// visit(element, channel) for the thread's channels.
  template <class Visit>
  __device__ void for_each(const Visit& visit) const {
    if (!exists) return;
    std::int64_t block = first, c = 0;
    for (std::int64_t o = 0; o < view.outer; ++o, block += view.spatial * view.inner, c += view.inner) {
      const std::int64_t rest = view.channels - c, valid = rest < view.inner ? rest : view.inner;
      for (std::int64_t i = lane; i < valid; i += lanes) visit(block + i, c + i);
    }
  }

  /// visit(element) for the thread's share of the padding.
  template <class Visit>
  __device__ void for_each_padding(const Visit& visit) const {
    const std::int64_t valid = view.channels - (view.outer - 1) * view.inner;
    const std::int64_t block = first + (view.outer - 1) * view.spatial * view.inner;
    if (!exists) return;
    for (std::int64_t i = valid + lane; i < view.inner; i += lanes) visit(block + i);
  }

  /// Σ term(element) over the channels, in a fixed order; every lane gets it.
  template <class Term>
  __device__ float sum(const Term& term) const {
    float total = 0;
    for_each([&](std::int64_t i, std::int64_t) { total += term(i); });
    for (int distance = lanes / 2; distance > 0; distance /= 2) total += __shfl_xor_sync(whole_warp, total, distance);
    return total;
  }

  /// The largest x of the channels; a NaN counts as none.
  __device__ float max(const float* x) const {
    float largest = -INFINITY;
    for_each([&](std::int64_t i, std::int64_t) { largest = x[i] > largest ? x[i] : largest; });
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(whole_warp, largest, distance);
      largest = other > largest ? other : largest;
    }
    return largest;
  }
};

/// The largest channel of a position and Σ exp(x − max): SoftmaxSums of its lanes together.
struct PositionSoftmax {
  float max, sum;

  template <int lanes>
  __device__ PositionSoftmax(const Position<lanes>& position, const float* x)
      : max(position.max(x)),
        sum(position.sum([&](std::int64_t i) { return expf(x[i] - max); })) {}

  __device__ float operator()(float x) const { return expf(x - max) / sum; }
};

/// body(position, sample, position in the sample) for every position, by all threads of each warp.
template <int lanes, class Body>
__device__ void for_each_position(const ChannelView& view, const Body& body) {
  constexpr int at_once = warp_threads / lanes;
  const Extents<2> extents{{view.samples, view.spatial}};
  const std::int64_t count = view.samples * view.spatial;
  const std::int64_t block = blockDim.x, step = gridDim.x * block / lanes;
  const std::int64_t own = (blockIdx.x * block + threadIdx.x) / lanes;
  GridIndex<2> at(extents, own, step);
  for (std::int64_t p = own; p / at_once * at_once < count; p += step, at.advance(extents))
    body(Position<lanes>(view, at[0], at[1], p < count), at[0], at[1]);
}

/// Calls run(Lanes<...>{}) with how many threads shall share a position: one where the positions lie side by side or
/// have few channels, else as many as keep accesses adjacent.
template <int count>
struct Lanes {
  static constexpr int lanes = count;
};

template <class Run>
void with_lanes(const ChannelView& view, const Run& run) {
  if (view.inner == 1 || view.channels <= 4)
    run(Lanes<1>{});
  else if (view.channels <= 32)
    run(Lanes<8>{});
  else
    run(Lanes<32>{});
}

}  // namespace sluice::cuda
