#pragma once

// Operands of map_operands that depend on the channel of an element; for .cu files.

#include <sluice/kernels/shared/channel_finder_cuda.h>
#include <sluice/kernels/shared/operands_cuda.h>

namespace sluice::cuda {

/// One number per channel; 0 for padding.
struct ChannelOperand {
  const float* values;
  ChannelFinder channel;

  bool loads_wide(std::int64_t) const { return channel.finds_wide() && (channel.inner == 1 || allows_wide(values)); }
  template <int width>
  __device__ Pack<float, width> load(std::int64_t i) const {
    const std::int64_t c = channel(i);
    Pack<float, width> pack{};
    if (c >= channel.channels) return pack;
    if (channel.inner != 1) return load_pack<width>(values, c / width);
    for (int k = 0; k < width; ++k) pack.at[k] = values[c];
    return pack;
  }
};

/// 1 for elements, 0 for padding.
struct ElementOperand {
  ChannelFinder channel;

  bool loads_wide(std::int64_t) const { return channel.finds_wide(); }
  template <int width>
  __device__ Pack<float, width> load(std::int64_t i) const {
    Pack<float, width> pack;
    for (int k = 0; k < width; ++k) pack.at[k] = channel(i) < channel.channels ? 1.0f : 0.0f;
    return pack;
  }
};

}  // namespace sluice::cuda
