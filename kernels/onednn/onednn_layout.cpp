#include <algorithm>
#include <map>
#include <optional>

#include <oneapi/dnnl/dnnl_debug.h>

#include <sluice/core/error.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice::onednn {
namespace {

using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;

/// Every format oneDNN has a name for; its names are those of Layout::str().
const std::map<std::string, Tag, std::less<>>& tags() {
  static const auto all = [] {
    std::map<std::string, Tag, std::less<>> tags;
    for (int tag = dnnl_a; tag < dnnl_format_tag_last; ++tag)
      tags.emplace(dnnl_fmt_tag2str(static_cast<dnnl_format_tag_t>(tag)), static_cast<Tag>(tag));
    return tags;
  }();
  return all;
}

dnnl::memory::data_type type_of(DType dtype) {
  using Type = dnnl::memory::data_type;
  switch (dtype) {
    case DType::f32: return Type::f32;
    case DType::bf16: return Type::bf16;
    case DType::i32: return Type::s32;
    case DType::u8: return Type::u8;
    case DType::f64:
    case DType::bit: break;  // it has none
  }
  throw BackendError("oneDNN: no memory of dtype " + std::string(name(dtype)));
}

Dims dims_of(const Shape& dims, std::int64_t groups) {
  if (dims.rank() == 0) return {1};
  Dims split(dims.dims().begin(), dims.dims().end());
  if (groups > 1) {
    split[0] /= groups;
    split.insert(split.begin(), groups);
  }
  return split;
}

std::optional<Md> tagged(const Dims& dims, dnnl::memory::data_type type, std::string_view name) {
  const auto tag = tags().find(name);
  if (tag == tags().end()) return std::nullopt;
  Md md(dims, type, tag->second, /*allow_empty=*/true);
  if (!md) return std::nullopt;
  return md;
}

/// What we need to know of a descriptor.
struct Blocking {
  Dims dims, padded, strides;
  std::vector<Layout::Block> blocks;
  dnnl::memory::data_type type;
};

#if DNNL_VERSION_MAJOR >= 3
bool is_blocked(const Md& md) { return md.get_format_kind() == dnnl::memory::format_kind::blocked; }

Blocking blocking_of(const Md& md) {
  Blocking result{md.get_dims(), md.get_padded_dims(), md.get_strides(), {}, md.get_data_type()};
  const Dims sizes = md.get_inner_blks(), dims = md.get_inner_idxs();
  for (std::size_t i = 0; i < sizes.size(); ++i)
    result.blocks.push_back({static_cast<std::uint8_t>(dims[i]), static_cast<std::int32_t>(sizes[i])});
  return result;
}
#else
bool is_blocked(const Md& md) { return md.data.format_kind == dnnl_blocked; }

Blocking blocking_of(const Md& md) {
  const auto& data = md.data;
  const auto& blocking = data.format_desc.blocking;
  Blocking result{Dims(data.dims, data.dims + data.ndims),
                  Dims(data.padded_dims, data.padded_dims + data.ndims),
                  Dims(blocking.strides, blocking.strides + data.ndims),
                  {},
                  md.data_type()};
  for (int i = 0; i < blocking.inner_nblks; ++i)
    result.blocks.push_back(
        {static_cast<std::uint8_t>(blocking.inner_idxs[i]), static_cast<std::int32_t>(blocking.inner_blks[i])});
  return result;
}
#endif

/// Dimensions by falling stride. Where an outer extent is 1 the stride means nothing; such a dimension goes before the
/// first later one that does not stand before an earlier one, which makes the order ascending if anything can.
std::vector<std::uint8_t> order_of(const Blocking& b) {
  std::vector<std::int64_t> outer = b.padded;
  for (const Layout::Block& block : b.blocks) outer[block.dim] /= block.size;
  std::vector<std::uint8_t> order;
  for (std::size_t d = 0; d < outer.size(); ++d)
    if (outer[d] > 1) order.push_back(static_cast<std::uint8_t>(d));
  std::stable_sort(order.begin(), order.end(), [&](auto p, auto q) { return b.strides[p] > b.strides[q]; });
  for (std::size_t d = 0; d < outer.size(); ++d) {
    if (outer[d] > 1) continue;
    const auto at = std::find_if(order.begin(), order.end(), [&](auto other) { return other > d; });
    order.insert(at, static_cast<std::uint8_t>(d));
  }
  return order;
}

/// A layout that is the same bytes as `md` and whose name oneDNN knows.
std::optional<Layout> named_layout(const Md& md, std::int64_t groups) {
  const Blocking b = blocking_of(md);
  const int rank = static_cast<int>(b.dims.size()) - (groups > 1 ? 1 : 0);
  const auto same = [&](const Layout& layout) {
    const std::optional<Md> rebuilt = tagged(b.dims, b.type, layout.str(rank));
    return rebuilt && *rebuilt == md;
  };
  std::vector<std::uint8_t> order = order_of(b);
  Layout layout(order, b.blocks, groups);
  if (layout.is_plain() || same(layout)) return layout;
  // The plainest order has no name: any other order of the dimensions of extent 1 will do.
  std::sort(order.begin(), order.end());
  do {
    layout = Layout(order, b.blocks, groups);
    if (same(layout)) return layout;
  } while (std::next_permutation(order.begin(), order.end()));
  return std::nullopt;
}

}  // namespace

Md descriptor(const Shape& dims, DType dtype, const Layout& layout, std::int64_t groups) {
  if (!layout.is_plain() && layout.groups() != groups)
    throw BackendError("oneDNN: layout " + layout.str(dims.rank()) + " has " + std::to_string(layout.groups()) +
                       " groups; expected " + std::to_string(groups));
  const Dims split = dims_of(dims, groups);
  const std::string name = layout.is_plain() ? std::string("abcdef").substr(0, split.size()) : layout.str(dims.rank());
  const std::optional<Md> md = tagged(split, type_of(dtype), name);
  if (!md) throw BackendError("oneDNN: no format for layout " + name + " of " + dims.str());
  return *md;
}

Md any_layout(const LoweredValue& value, std::int64_t groups) {
  return Md(dims_of(value.dims, groups), type_of(value.dtype), Tag::any);
}

bool has_layout(const Md& md) { return is_blocked(md); }

Layout layout_of(const Md& md, std::int64_t groups) {
  if (!has_layout(md)) throw BackendError("oneDNN: a layout that is opaque; expected blocks and strides");
  const std::optional<Layout> layout = named_layout(md, groups);
  if (!layout) throw BackendError("oneDNN: a layout without a name; expected one of dnnl_format_tag_t");
  return *layout;
}

Layout activation_layout(const Shape& dims, DType dtype) {
  Convolution conv;
  LoweredValue x{.dims = dims, .dtype = dtype, .layout = {}};
  LoweredValue w{.dims = {dims[1], dims[1], 1, 1}, .dtype = dtype, .layout = {}};
  conv.x = conv.y = any_layout(x);
  conv.w = any_layout(w);
  conv.stride = conv.dilation = {1, 1};
  conv.padding = {0, 0};
  const auto pd = forward(conv, dnnl::algorithm::convolution_direct);
  return pd ? layout_of(pd.dst_desc()) : Layout();
}

}  // namespace sluice::onednn
