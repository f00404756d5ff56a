#pragma once

#include <vector>

#include <sluice/kernels/shared/channel_view.h>

namespace sluice {

/// Channels [from, from + count) of an input that become channels [to, to + count) of the output.
struct ChannelRange {
  ChannelView x;
  std::int64_t from, to, count;
};

/// What concat, slice_channels and pad_channels copy: a range of each input. What no range covers is 0.
struct ChannelRanges {
  ChannelView y;
  std::vector<ChannelRange> inputs;

  /// Elements of the output, padding included.
  std::int64_t elements() const { return y.samples * y.padded_channels() * y.spatial; }
  /// Whether ranges leave some of them out.
  bool has_gaps() const;
};

/// For the op of the context. Inputs may lie in any layout that has a ChannelView. The first that does not lie plain
/// says how the output lies: convolutions like it so, and no input need be reordered.
ChannelRanges lower_concat_ranges(LoweringContext& context);
ChannelRanges lower_slice_ranges(LoweringContext& context);
ChannelRanges lower_pad_ranges(LoweringContext& context);

}  // namespace sluice
