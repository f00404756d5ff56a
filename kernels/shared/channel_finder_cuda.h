#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>
#include <sluice/kernels/cuda/elementwise.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cuda {

/// Which channel an element of an activation belongs to. Plain C++, so that tests run it without a GPU.
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
  /// That of the element at place `i` in memory; of padding, one that does not exist (>= channels).
  SLUICE_HOST_DEVICE std::int64_t operator()(std::int64_t i) const {
    return (outer == 1 ? 0 : i / block % outer * inner) + i % inner;
  }
};

}  // namespace sluice::cuda
