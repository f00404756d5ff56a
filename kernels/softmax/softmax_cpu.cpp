#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/softmax_tiles_cpu.h>

namespace sluice {
namespace {

// oneDNN's softmax runs a scalar loop for plain maps and, without AVX-512, for every gradient; these serve every layout
// that has a channel view.

// Columns and rows as in kernels/shared/softmax_tiles_cpu.cpp.

SLUICE_CLONES void grad_columns(const float* y, const float* dy, float* dx, std::int64_t channels, std::int64_t stride,
                                std::int64_t count) {
  float sum[cpu::PositionTiles::positions] = {};
  for (std::int64_t c = 0; c < channels; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) sum[p] += dy[c * stride + p] * y[c * stride + p];
  for (std::int64_t c = 0; c < channels; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) dx[c * stride + p] = y[c * stride + p] * (dy[c * stride + p] - sum[p]);
}

// Padding is written, not computed: 0 · (0 − sum) is −0, or NaN where the sum is not finite.
SLUICE_CLONES void grad_rows(const float* y, const float* dy, float* dx, ChannelView v, std::int64_t count) {
  const std::int64_t stride = v.spatial * v.inner;
  for (std::int64_t row = 0; row < count * v.inner; row += v.inner) {
    float sum = 0;
    for (std::int64_t o = 0; o < v.outer; ++o)
#pragma omp simd reduction(+ : sum)
      for (std::int64_t i = row + o * stride; i < row + o * stride + v.valid(o); ++i) sum += dy[i] * y[i];
    for (std::int64_t o = 0; o < v.outer; ++o) {
      const std::int64_t begin = row + o * stride, end = begin + v.valid(o);
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) dx[i] = y[i] * (dy[i] - sum);
      for (std::int64_t i = end; i < begin + v.inner; ++i) dx[i] = 0;
    }
  }
}

std::unique_ptr<Kernel> lower_softmax(LoweringContext& context) {
  const cpu::PositionTiles tiles(require_channel_view(context, 0));
  context.set_layout(0, context.input(0).layout);
  return make_kernel([tiles](const Addresses& at, const RunContext&) {
    tiles.for_each([&](std::int64_t, std::int64_t n, std::int64_t first, std::int64_t count) {
      const float* x = static_cast<const float*>(at.inputs[0]) + tiles.offset(n, first);
      float* y = static_cast<float*>(at.outputs[0]) + tiles.offset(n, first);
      cpu::SoftmaxTile(tiles.view, x, count).normalize(tiles.view, x, y, count);
    });
  });
}

std::unique_ptr<Kernel> lower_softmax_grad(LoweringContext& context) {
  const cpu::PositionTiles tiles(require_channel_view(context, 0));
  context.require(1, context.input(0).layout);
  context.set_layout(0, context.input(0).layout);
  return make_kernel([tiles](const Addresses& at, const RunContext&) {
    const ChannelView& v = tiles.view;
    tiles.for_each([&](std::int64_t, std::int64_t n, std::int64_t first, std::int64_t count) {
      const std::int64_t offset = tiles.offset(n, first);
      const float* y = static_cast<const float*>(at.inputs[0]) + offset;
      const float* dy = static_cast<const float*>(at.inputs[1]) + offset;
      float* dx = static_cast<float*>(at.outputs[0]) + offset;
      if (v.inner == 1)
        grad_columns(y, dy, dx, v.channels, v.spatial, count);
      else
        grad_rows(y, dy, dx, v, count);
    });
  });
}

}  // namespace

void register_softmax_cpu(KernelTable& table) {
  table.add("softmax", lower_softmax);
  table.add("softmax_grad", lower_softmax_grad);
}

}  // namespace sluice
