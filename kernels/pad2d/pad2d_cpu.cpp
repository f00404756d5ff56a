#include <algorithm>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice {
namespace {

/// The large map and the small one inside it, as rows over samples and blocks of channels; a row's extents are in
/// floats.
struct PaddedMaps {
  std::int64_t planes, height, small_height, row, small_row, top, left;

  PaddedMaps(const LoweredValue& small, const LoweredValue& large, const ChannelView& view, const Edges2d& edges)
      : planes(view.samples * view.outer),
        height(large.dims[2]),
        small_height(small.dims[2]),
        row(large.dims[3] * view.inner),
        small_row(small.dims[3] * view.inner),
        top(edges.top),
        left(edges.left * view.inner) {}

  /// Rows that are worth a thread.
  std::int64_t grain() const { return 1 + (1 << 14) / row; }
};

// Both directions keep the layout: padding is copied with the rest and stays zero.
std::unique_ptr<Kernel> lower_pad(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const PaddedMaps maps(context.input(0), context.output(0), view, context.op<Pad2dOpBase>().edges());
  return make_kernel([maps](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(maps.planes * maps.height, maps.grain(), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* const to = y + i * maps.row;
        const std::int64_t row = i % maps.height - maps.top;
        if (row < 0 || row >= maps.small_height) {
          std::fill_n(to, maps.row, 0.0f);
          continue;
        }
        std::fill_n(to, maps.left, 0.0f);
        std::copy_n(x + (i / maps.height * maps.small_height + row) * maps.small_row, maps.small_row, to + maps.left);
        std::fill(to + maps.left + maps.small_row, to + maps.row, 0.0f);
      }
    });
  });
}

std::unique_ptr<Kernel> lower_crop(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const PaddedMaps maps(context.output(0), context.input(0), view, context.op<Pad2dOpBase>().edges());
  return make_kernel([maps](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(maps.planes * maps.small_height, maps.grain(), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t row = i / maps.small_height * maps.height + i % maps.small_height + maps.top;
        std::copy_n(x + row * maps.row + maps.left, maps.small_row, y + i * maps.small_row);
      }
    });
  });
}

}  // namespace

void register_pad2d_cpu(KernelTable& table) {
  table.add("pad2d", lower_pad);
  table.add("crop2d", lower_crop);
}

}  // namespace sluice
