#include <algorithm>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/onednn/onednn.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/column_sums_cpu.h>

namespace sluice {
namespace {

// oneDNN's average pooling would leave [N,C,1,1] in blocks and want a reorder to [N,C]; these loops write it directly.

/// Means of `channels` adjacent channels: x is [spatial][inner].
void mean_of_columns(const float* x, std::int64_t spatial, std::int64_t inner, std::int64_t channels, float* y) {
  constexpr std::int64_t tile = 64;
  for (std::int64_t first = 0; first < channels; first += tile) {
    double sums[tile] = {};
    const std::int64_t count = std::min(tile, channels - first);
    cpu::add_rows(x + first, spatial, inner, sums, count);
    for (std::int64_t c = 0; c < count; ++c) y[first + c] = static_cast<float>(sums[c] / static_cast<double>(spatial));
  }
}

/// The reverse: the same row of `inner` channels at every position, zero past `channels`.
void spread_row(const float* dy, std::int64_t spatial, std::int64_t inner, std::int64_t channels, float* dx) {
  for (std::int64_t c = 0; c < inner; ++c) dx[c] = c < channels ? dy[c] / static_cast<float>(spatial) : 0;
  for (std::int64_t s = 1; s < spatial; ++s) std::copy_n(dx, inner, dx + s * inner);
}

constexpr std::int64_t grain_elements = 1 << 14;  // what makes a second thread worth waking

std::int64_t map_grain(const ChannelView& v) {
  return std::max<std::int64_t>(1, grain_elements / (v.spatial * v.inner));
}

std::unique_ptr<Kernel> lower_global_avg_pool2d(LoweringContext& context) {
  const ChannelView v = require_channel_view(context, 0);
  context.set_layout(0, Layout());
  return make_kernel([v](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(v.samples * v.outer, map_grain(v), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const float* from = x + block * v.spatial * v.inner;
        float* to = y + block / v.outer * v.channels + block % v.outer * v.inner;
        mean_of_columns(from, v.spatial, v.inner, v.valid(block % v.outer), to);
      }
    });
  });
}

// Nobody says how dx should lie: it goes to the gradient of a convolution, so it lies as those like it.
std::unique_ptr<Kernel> lower_global_avg_pool2d_grad(LoweringContext& context) {
  context.require_plain(0);
  context.set_layout(0, onednn::activation_layout(context.output(0).dims, context.output(0).dtype));
  if (!channel_view(context.output(0))) context.set_layout(0, Layout());
  return make_kernel([v = *channel_view(context.output(0))](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const float*>(at.inputs[0]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(v.samples * v.outer, map_grain(v), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const float* from = dy + block / v.outer * v.channels + block % v.outer * v.inner;
        float* to = dx + block * v.spatial * v.inner;
        if (v.inner == 1)
          std::fill_n(to, v.spatial, *from / static_cast<float>(v.spatial));
        else
          spread_row(from, v.spatial, v.inner, v.valid(block % v.outer), to);
      }
    });
  });
}

}  // namespace

void register_global_avg_pool2d_cpu(KernelTable& table) {
  table.add("global_avg_pool2d", lower_global_avg_pool2d);
  table.add("global_avg_pool2d_grad", lower_global_avg_pool2d_grad);
}

}  // namespace sluice
