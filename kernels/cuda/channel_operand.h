#pragma once

#include <sluice/kernels/channel_view.h>
#include <sluice/kernels/cuda/operands.h>

namespace sluice::cuda {

/// An operand of map_operands with one number per channel of the result; for .cu files.
struct ChannelOperand {
  const float* values;
  std::int64_t block;  ///< elements of a block of channels: positions · inner
  std::int64_t outer, inner;

  /// The view has no padding.
  ChannelOperand(const float* channels, const ChannelView& view)
      : values(channels),
        block(view.spatial * view.inner),
        outer(view.outer),
        inner(view.inner) {}

  bool loads_wide(std::int64_t) const {
    return inner == 1 ? block % wide == 0 : inner % wide == 0 && allows_wide(values);
  }
  template <int width>
  __device__ Pack<float, width> load(std::int64_t i) const {
    const float* first = values + (outer == 1 ? 0 : i / block % outer * inner);
    if (inner != 1) return load_pack<width>(first, i % inner / width);
    Pack<float, width> pack;
    for (int k = 0; k < width; ++k) pack.at[k] = *first;
    return pack;
  }
};

}  // namespace sluice::cuda
