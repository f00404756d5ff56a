#include <sluice/kernels/concat/concat_ranges.h>

#include <sluice/kernels/concat/concat.h>

namespace sluice {
namespace {

/// With the inputs' views and no ranges yet.
ChannelRanges lower_layouts(LoweringContext& context) {
  ChannelRanges ranges;
  Layout layout;
  for (int i = 0; i < context.inputs(); ++i) {
    ranges.inputs.push_back({.x = require_channel_view(context, i), .from = 0, .to = 0, .count = 0});
    if (layout.is_plain()) layout = context.input(i).layout;
  }
  context.set_layout(0, layout);
  ranges.y = *channel_view(context.output(0));
  return ranges;
}

}  // namespace

bool ChannelRanges::has_gaps() const {
  std::int64_t written = 0;
  for (const ChannelRange& range : inputs) written += range.count;
  return written < y.padded_channels();
}

ChannelRanges lower_concat_ranges(LoweringContext& context) {
  ChannelRanges ranges = lower_layouts(context);
  std::int64_t to = 0;
  for (ChannelRange& range : ranges.inputs) {
    range.to = to;
    range.count = range.x.channels;
    to += range.count;
  }
  return ranges;
}

ChannelRanges lower_slice_ranges(LoweringContext& context) {
  ChannelRanges ranges = lower_layouts(context);
  ranges.inputs[0].from = context.op<ChannelRangeOp>().first();
  ranges.inputs[0].count = ranges.y.channels;
  return ranges;
}

ChannelRanges lower_pad_ranges(LoweringContext& context) {
  ChannelRanges ranges = lower_layouts(context);
  ranges.inputs[0].to = context.op<ChannelRangeOp>().first();
  ranges.inputs[0].count = ranges.inputs[0].x.channels;
  return ranges;
}

}  // namespace sluice
