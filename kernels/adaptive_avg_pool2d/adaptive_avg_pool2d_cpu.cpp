#include <algorithm>

#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/onednn/onednn.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/column_sums_cpu.h>

namespace sluice {
namespace {

/// AveragedMaps x: [h][w] and y: [oh][ow] of one block of `inner` channels each, `blocks` of them.
struct AveragedMaps {
  std::int64_t blocks, inner;
  std::int64_t h, w, oh, ow;

  AveragedMaps(const ChannelView& view, const LoweredValue& x, const LoweredValue& y)
      : blocks(view.samples * view.outer),
        inner(view.inner),
        h(x.dims[2]),
        w(x.dims[3]),
        oh(y.dims[2]),
        ow(y.dims[3]) {}

  std::int64_t x_block() const { return h * w * inner; }
  std::int64_t y_block() const { return oh * ow * inner; }
  std::int64_t grain() const { return 1 + (1 << 14) / std::max(x_block(), y_block()); }
};

constexpr std::int64_t channel_tile = 64;  // channels at a time

void mean_of_window(const float* x, float* y, AdaptiveWindow rows, AdaptiveWindow columns, std::int64_t width,
                    std::int64_t inner) {
  for (std::int64_t first = 0; first < inner; first += channel_tile) {
    double sums[channel_tile] = {};
    const std::int64_t count = std::min(channel_tile, inner - first);
    for (std::int64_t p = rows.begin; p < rows.end; ++p)
      cpu::add_rows(x + (p * width + columns.begin) * inner + first, columns.size(), inner, sums, count);
    for (std::int64_t c = 0; c < count; ++c)
      y[first + c] = static_cast<float>(sums[c] / static_cast<double>(rows.size() * columns.size()));
  }
}

SLUICE_CLONES void spread_over_window(const float* dy, float* dx, AdaptiveWindow rows, AdaptiveWindow columns,
                                      std::int64_t width, std::int64_t inner) {
  const auto size = static_cast<float>(rows.size() * columns.size());
  for (std::int64_t first = 0; first < inner; first += channel_tile) {
    float share[channel_tile];
    const std::int64_t count = inner - first < channel_tile ? inner - first : channel_tile;
    for (std::int64_t c = 0; c < count; ++c) share[c] = dy[first + c] / size;
    for (std::int64_t p = rows.begin; p < rows.end; ++p)
      for (std::int64_t q = columns.begin; q < columns.end; ++q)
        for (std::int64_t c = 0; c < count; ++c) dx[(p * width + q) * inner + first + c] += share[c];
  }
}

std::unique_ptr<Kernel> lower_adaptive_avg_pool2d(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return make_kernel(
      [m = AveragedMaps(view, context.input(0), context.output(0))](const Addresses& at, const RunContext&) {
        const auto* x = static_cast<const float*>(at.inputs[0]);
        auto* y = static_cast<float*>(at.outputs[0]);
        cpu::parallel_for(m.blocks, m.grain(), [=](std::int64_t begin, std::int64_t end) {
          for (std::int64_t b = begin; b < end; ++b)
            for (std::int64_t i = 0; i < m.oh; ++i)
              for (std::int64_t j = 0; j < m.ow; ++j)
                mean_of_window(x + b * m.x_block(), y + b * m.y_block() + (i * m.ow + j) * m.inner, {i, m.oh, m.h},
                               {j, m.ow, m.w}, m.w, m.inner);
        });
      });
}

// As in avg_pool2d, a plain dy comes from a flatten and says nothing of how x lay.
std::unique_ptr<Kernel> lower_adaptive_avg_pool2d_grad(LoweringContext& context) {
  const LoweredValue& dx = context.output(0);
  if (context.input(0).layout.is_plain()) context.require(0, onednn::activation_layout(dx.dims, dx.dtype));
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return make_kernel(
      [m = AveragedMaps(view, context.output(0), context.input(0))](const Addresses& at, const RunContext&) {
        const auto* dy = static_cast<const float*>(at.inputs[0]);
        auto* dx = static_cast<float*>(at.outputs[0]);
        cpu::parallel_for(m.blocks, m.grain(), [=](std::int64_t begin, std::int64_t end) {
          std::fill(dx + begin * m.x_block(), dx + end * m.x_block(), 0.0f);
          for (std::int64_t b = begin; b < end; ++b)
            for (std::int64_t i = 0; i < m.oh; ++i)
              for (std::int64_t j = 0; j < m.ow; ++j)
                spread_over_window(dy + b * m.y_block() + (i * m.ow + j) * m.inner, dx + b * m.x_block(),
                                   {i, m.oh, m.h}, {j, m.ow, m.w}, m.w, m.inner);
        });
      });
}

}  // namespace

void register_adaptive_avg_pool2d_cpu(KernelTable& table) {
  table.add("adaptive_avg_pool2d", lower_adaptive_avg_pool2d);
  table.add("adaptive_avg_pool2d_grad", lower_adaptive_avg_pool2d_grad);
}

}  // namespace sluice
