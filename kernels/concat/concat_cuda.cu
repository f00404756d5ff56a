#include <sluice/kernels/concat/concat_ranges.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// Values that lie alike, one channel beside the other (channels last) or plain, are rows of adjacent numbers, of which
/// a range is copied.
struct RowRange {
  std::int64_t rows, count;  ///< packs of a row to copy
  std::int64_t x_row, x_first, y_row, y_first;
};

template <int width>
__global__ void copy_rows_kernel(RowRange range, const float* x, float* y) {
  const cuda::Extents<2> extents{{range.rows, range.count}};
  cuda::GridIndex<2> at(extents, cuda::grid_thread(), cuda::grid_threads());
  for (; at[0] < range.rows; at.advance(extents))
    reinterpret_cast<cuda::Pack<float, width>*>(y)[at[0] * range.y_row + range.y_first + at[1]] =
        cuda::load_pack<width>(x, at[0] * range.x_row + range.x_first + at[1]);
}

__device__ std::int64_t channel_offset(const ChannelView& view, std::int64_t channel) {
  return channel / view.inner * view.spatial * view.inner + channel % view.inner;
}

/// From any layout to any other.
__global__ void copy_channels_kernel(ChannelRange range, ChannelView view, const float* x, float* y) {
  const cuda::Extents<3> extents{{view.samples, view.spatial, range.count}};
  cuda::GridIndex<3> at(extents, cuda::grid_thread(), cuda::grid_threads());
  for (; at[0] < view.samples; at.advance(extents))
    y[(at[0] * view.outer * view.spatial + at[1]) * view.inner + channel_offset(view, range.to + at[2])] =
        x[(at[0] * range.x.outer * view.spatial + at[1]) * range.x.inner + channel_offset(range.x, range.from + at[2])];
}

__global__ void clear_kernel(std::int64_t count, float* y) {
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads()) y[i] = 0;
}

/// Copies ranges of channels from values in any layout that has a view to one in any other.
class ChannelCopy final : public Kernel {
 public:
  ChannelCopy(const cuda::Queue& queue, ChannelRanges ranges) : queue_(queue), ranges_(std::move(ranges)) {}

  void run(const RunContext&) override {
    if (ranges_.has_gaps()) cuda::launch(queue_, ranges_.elements(), clear_kernel, ranges_.elements(), out<float>(0));
    for (std::size_t i = 0; i < ranges_.inputs.size(); ++i) copy(ranges_.inputs[i], in<float>(static_cast<int>(i)));
  }

 private:
  void copy(const ChannelRange& range, const float* x) const {
    const ChannelView& y = ranges_.y;
    const std::int64_t xc = range.x.channels, yc = y.channels, spatial = y.spatial;
    if (range.x.inner == xc && y.inner == yc)
      copy_rows({y.samples * spatial, range.count, xc, range.from, yc, range.to}, x);
    else if (range.x.inner == 1 && y.inner == 1)
      copy_rows(
          {y.samples, range.count * spatial, xc * spatial, range.from * spatial, yc * spatial, range.to * spatial}, x);
    else
      cuda::launch(queue_, y.samples * spatial * range.count, copy_channels_kernel, range, y, x, out<float>(0));
  }

  /// In packs of four where everything is a multiple of it.
  void copy_rows(const RowRange& r, const float* x) const {
    if ((r.count | r.x_row | r.x_first | r.y_row | r.y_first) % 4 == 0)
      cuda::launch(queue_, r.rows * r.count / 4, copy_rows_kernel<4>,
                   RowRange{r.rows, r.count / 4, r.x_row / 4, r.x_first / 4, r.y_row / 4, r.y_first / 4}, x,
                   out<float>(0));
    else
      cuda::launch(queue_, r.rows * r.count, copy_rows_kernel<1>, r, x, out<float>(0));
  }

  cuda::Queue queue_;
  ChannelRanges ranges_;
};

}  // namespace

void register_concat_cuda(KernelTable& table) {
  table.add("concat", [](LoweringContext& context) {
    return std::make_unique<ChannelCopy>(cuda::queue(context), lower_concat_ranges(context));
  });
  table.add("slice_channels", [](LoweringContext& context) {
    return std::make_unique<ChannelCopy>(cuda::queue(context), lower_slice_ranges(context));
  });
  table.add("pad_channels", [](LoweringContext& context) {
    return std::make_unique<ChannelCopy>(cuda::queue(context), lower_pad_ranges(context));
  });
}

}  // namespace sluice
