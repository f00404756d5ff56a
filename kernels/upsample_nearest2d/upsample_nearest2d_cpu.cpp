#include <algorithm>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

namespace sluice {
namespace {

/// UpsampledRows of the small map, one after the other over samples and blocks of channels: `width` elements of `inner`
/// channels.
struct UpsampledRows {
  std::int64_t count, width, inner;
  Size2d factor;

  UpsampledRows(const LoweredValue& small, const ChannelView& view, Size2d factor)
      : count(view.samples * view.outer * small.dims[2]),
        width(small.dims[3]),
        inner(view.inner),
        factor(factor) {}

  std::int64_t small_row() const { return width * inner; }
  std::int64_t large_row() const { return width * inner * factor.w; }
  /// UpsampledRows of the small map that are worth a thread.
  std::int64_t grain() const { return 1 + (1 << 14) / (large_row() * factor.h); }
};

/// One row, each element `times` times.
SLUICE_CLONES void repeat_row(const float* x, float* y, std::int64_t width, std::int64_t inner, std::int64_t times) {
  if (inner == 1 && times == 2) {
    for (std::int64_t j = 0; j < width; ++j) y[2 * j] = y[2 * j + 1] = x[j];
  } else {
    for (std::int64_t j = 0; j < width; ++j)
      for (std::int64_t q = 0; q < times; ++q)
        for (std::int64_t c = 0; c < inner; ++c) y[(j * times + q) * inner + c] = x[j * inner + c];
  }
}

/// x += the sums of `times` neighbours each.
SLUICE_CLONES void add_row(const float* y, float* x, std::int64_t width, std::int64_t inner, std::int64_t times) {
  if (inner == 1 && times == 2) {
    for (std::int64_t j = 0; j < width; ++j) x[j] += y[2 * j] + y[2 * j + 1];
  } else {
    for (std::int64_t j = 0; j < width; ++j)
      for (std::int64_t q = 0; q < times; ++q)
        for (std::int64_t c = 0; c < inner; ++c) x[j * inner + c] += y[(j * times + q) * inner + c];
  }
}

// Both directions keep the layout: padding is copied, or summed, with the rest and stays zero.
std::unique_ptr<Kernel> lower_upsample_nearest2d(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const UpsampledRows rows(context.input(0), view, context.op<UpsampleNearest2dOpBase>().factor());
  return make_kernel([rows](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(rows.count, rows.grain(), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        float* first = y + row * rows.factor.h * rows.large_row();
        repeat_row(x + row * rows.small_row(), first, rows.width, rows.inner, rows.factor.w);
        for (std::int64_t p = 1; p < rows.factor.h; ++p)
          std::copy_n(first, rows.large_row(), first + p * rows.large_row());
      }
    });
  });
}

std::unique_ptr<Kernel> lower_upsample_nearest2d_grad(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const UpsampledRows rows(context.output(0), view, context.op<UpsampleNearest2dOpBase>().factor());
  return make_kernel([rows](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const float*>(at.inputs[0]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(rows.count, rows.grain(), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        float* to = dx + row * rows.small_row();
        std::fill_n(to, rows.small_row(), 0.0f);
        for (std::int64_t p = 0; p < rows.factor.h; ++p)
          add_row(dy + (row * rows.factor.h + p) * rows.large_row(), to, rows.width, rows.inner, rows.factor.w);
      }
    });
  });
}

}  // namespace

void register_upsample_nearest2d_cpu(KernelTable& table) {
  table.add("upsample_nearest2d", lower_upsample_nearest2d);
  table.add("upsample_nearest2d_grad", lower_upsample_nearest2d_grad);
}

}  // namespace sluice
