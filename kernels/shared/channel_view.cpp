#include <sluice/kernels/shared/channel_view.h>

namespace sluice {
namespace {

/// [N, spatial..., C]: once the others are in their places, only C is left for the last.
bool channels_last(const Layout& layout, int rank) {
  if (!layout.blocks().empty() || layout.order()[0] != 0) return false;
  for (int i = 1; i + 1 < rank; ++i)
    if (layout.order()[static_cast<std::size_t>(i)] != i + 1) return false;
  return true;
}

bool channel_blocked(const Layout& layout) {
  if (layout.blocks().size() != 1 || layout.blocks()[0].dim != 1) return false;
  for (std::size_t i = 0; i < layout.order().size(); ++i)
    if (layout.order()[i] != i) return false;
  return true;
}

}  // namespace

std::optional<ChannelView> channel_view(const LoweredValue& value) {
  const Shape& dims = value.dims;
  const Layout& layout = value.layout;
  if (dims.rank() < 2 || layout.groups() != 1) return std::nullopt;
  ChannelView view{.samples = dims[0], .channels = dims[1]};
  for (int i = 2; i < dims.rank(); ++i) view.spatial *= dims[i];
  if (layout.is_plain()) {
    // Without spatial extent channels are adjacent: the same bytes as channels last, with longer inner loops.
    (view.spatial == 1 ? view.inner : view.outer) = view.channels;
  } else if (channel_blocked(layout)) {
    view.inner = layout.blocks()[0].size;
    view.outer = (view.channels + view.inner - 1) / view.inner;
  } else if (!layout.order().empty() && channels_last(layout, dims.rank())) {
    view.inner = view.channels;
  } else {
    return std::nullopt;
  }
  return view;
}

ChannelView require_channel_view(LoweringContext& context, int i) {
  if (!channel_view(context.input(i))) context.require_plain(i);
  context.require(i, context.input(i).layout);
  return *channel_view(context.input(i));
}

ChannelView require_map_view(LoweringContext& context, int i) {
  ChannelView view = require_channel_view(context, i);
  if (context.input(i).layout.is_plain()) view.outer = view.channels, view.inner = 1;
  return view;
}

}  // namespace sluice
