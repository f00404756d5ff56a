#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cuda {

/// The pieces in which kernels take an activation: `width` adjacent elements, which belong to `channels` adjacent
/// channels (channels last, or `width` = 1) or to a single one (plain).
template <int pack_width, int pack_channels>
struct PackShape {
  static constexpr int width = pack_width;
  static constexpr int channels = pack_channels;
  static constexpr int per_channel = width / channels;  ///< elements of each
};

/// Calls run(PackShape<...>{}) with the widest packs of adjacent channels: 16 bytes of floats, or one float.
template <class Run>
void with_channel_packs(const ChannelView& view, const Run& run) {
  if (view.inner % 4 == 0)
    run(PackShape<4, 4>{});
  else
    run(PackShape<1, 1>{});
}

/// The same where a pack may also be of adjacent positions of one channel.
template <class Run>
void with_packs(const ChannelView& view, const Run& run) {
  if (view.inner == 1 && view.spatial % 4 == 0)
    run(PackShape<4, 1>{});
  else
    with_channel_packs(view, run);
}

/// An activation as an array of packs: [samples][outer][positions][packs side by side].
template <class Shape>
SLUICE_HOST_DEVICE Extents<4> pack_extents(const ChannelView& view) {
  return {{view.samples, view.outer, view.spatial / Shape::per_channel, view.inner / Shape::channels}};
}

/// The first channel of a pack; it may be padding.
template <class Shape>
SLUICE_HOST_DEVICE std::int64_t first_channel(const ChannelView& view, const GridIndex<4>& pack) {
  return pack[1] * view.inner + pack[3] * Shape::channels;
}

}  // namespace sluice::cuda
