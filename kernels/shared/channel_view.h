#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include <sluice/core/kernel.h>

namespace sluice {

/// How an activation [N,C,...] lies in memory: [samples][outer][spatial][inner], where channel = outer index · inner +
/// inner index. Plain is inner = 1, channels last is outer = 1, nChw16c is inner = 16: one loop nest serves all of
/// them.
struct ChannelView {
  std::int64_t samples = 1;
  std::int64_t channels = 1;  ///< logical; outer · inner may be more (padding)
  std::int64_t outer = 1;
  std::int64_t spatial = 1;
  std::int64_t inner = 1;

  std::int64_t padded_channels() const { return outer * inner; }
  /// Channels of outer block `o` that exist; the rest of `inner` is padding.
  std::int64_t valid(std::int64_t o) const { return std::min(inner, channels - o * inner); }
};

/// The view of a value whose dims are [N,C,...]; empty for a layout that has no such form.
std::optional<ChannelView> channel_view(const LoweredValue& value);

/// The view of input `i`, which is asked to arrive plain when its layout has no such form.
ChannelView require_channel_view(LoweringContext& context, int i);

/// The same for kernels that change the spatial extents and keep the layout: `outer` and `inner` hold for other extents
/// too. (A plain value of extent 1x1 could be taken for channels last, and a larger one could not.)
ChannelView require_map_view(LoweringContext& context, int i);

}  // namespace sluice
