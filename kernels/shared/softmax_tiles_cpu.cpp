#include <sluice/kernels/shared/softmax_tiles_cpu.h>

#include <sluice/kernels/cpu/exp.h>

namespace sluice::cpu {
namespace {

// Columns: positions are adjacent and channels `stride` apart. Lanes are positions.

SLUICE_CLONES void column_sums(const float* x, std::int64_t channels, std::int64_t stride, std::int64_t count,
                               float* max, float* sum) {
  for (std::int64_t p = 0; p < count; ++p) max[p] = x[p];
  for (std::int64_t c = 1; c < channels; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) max[p] = x[c * stride + p] > max[p] ? x[c * stride + p] : max[p];
  for (std::int64_t p = 0; p < count; ++p) sum[p] = 0;
  for (std::int64_t c = 0; c < channels; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) sum[p] += Exp{}(x[c * stride + p] - max[p]);
}

SLUICE_CLONES void normalize_columns(const float* x, float* y, std::int64_t channels, std::int64_t stride,
                                     std::int64_t count, const float* max, const float* sum) {
  for (std::int64_t c = 0; c < channels; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) y[c * stride + p] = Exp{}(x[c * stride + p] - max[p]) / sum[p];
}

// Rows: channels are adjacent, all of them or a block. Lanes are channels.

SLUICE_CLONES float row_max(const float* x, std::int64_t channels, float max) {
#pragma omp simd reduction(max : max)
  for (std::int64_t c = 0; c < channels; ++c) max = x[c] > max ? x[c] : max;
  return max;
}

SLUICE_CLONES float row_sum(const float* x, std::int64_t channels, float max) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t c = 0; c < channels; ++c) sum += Exp{}(x[c] - max);
  return sum;
}

SLUICE_CLONES void normalize_row(const float* x, float* y, std::int64_t channels, std::int64_t inner, float max,
                                 float factor) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) y[c] = Exp{}(x[c] - max) * factor;
  for (std::int64_t c = channels; c < inner; ++c) y[c] = 0;
}

}  // namespace

SoftmaxTile::SoftmaxTile(const ChannelView& view, const float* x, std::int64_t count) {
  const std::int64_t stride = view.spatial * view.inner;
  if (view.inner == 1) {
    column_sums(x, view.channels, stride, count, max, sum);
    return;
  }
  for (std::int64_t p = 0; p < count; ++p) {
    const float* row = x + p * view.inner;
    max[p] = row[0];
    sum[p] = 0;
    for (std::int64_t o = 0; o < view.outer; ++o) max[p] = row_max(row + o * stride, view.valid(o), max[p]);
    for (std::int64_t o = 0; o < view.outer; ++o) sum[p] += row_sum(row + o * stride, view.valid(o), max[p]);
  }
}

void SoftmaxTile::normalize(const ChannelView& view, const float* x, float* y, std::int64_t count) const {
  const std::int64_t stride = view.spatial * view.inner;
  if (view.inner == 1) return normalize_columns(x, y, view.channels, stride, count, max, sum);
  for (std::int64_t p = 0; p < count; ++p)
    for (std::int64_t o = 0; o < view.outer; ++o) {
      const std::int64_t at = p * view.inner + o * stride;
      normalize_row(x + at, y + at, view.valid(o), view.inner, max[p], 1.0f / sum[p]);
    }
}

}  // namespace sluice::cpu
