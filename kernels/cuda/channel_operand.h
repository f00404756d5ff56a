#pragma once

// Operands of map_operands that depend on the channel of an element; for .cu files.

#include <sluice/kernels/channel_view.h>
#include <sluice/kernels/cuda/operands.h>

namespace sluice::cuda {

/// Which channel an element of an activation belongs to.
struct ChannelFinder {
  std::int64_t block;  ///< elements of a block of channels: positions · inner
  std::int64_t outer, inner, channels;

  explicit ChannelFinder(const ChannelView& view)
      : block(view.spatial * view.inner),
        outer(view.outer),
        inner(view.inner),
        channels(view.channels) {}

  /// Whether four elements side by side are of one channel, or of four that all exist or all do not.
  bool finds_wide() const { return inner == 1 ? block % wide == 0 : inner % wide == 0 && channels % wide == 0; }
  /// That of element `i`; of padding, one that does not exist.
  __device__ std::int64_t operator()(std::int64_t i) const {
    return (outer == 1 ? 0 : i / block % outer * inner) + i % inner;
  }
};

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
