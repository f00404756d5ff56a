#include <vector>

#include <sluice/kernels/channel_view.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

/// Channels of one input that become channels of the output.
struct ChannelRange {
  ChannelView x;
  std::int64_t from, to, count;
};

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
  ChannelCopy(const cuda::Queue& queue, const ChannelView& y) : queue_(queue), y_(y), unwritten_(y.channels) {}

  /// Channels [first, first + count) of the next input become the output's from `to` on.
  void add(const ChannelView& x, std::int64_t first, std::int64_t to, std::int64_t count) {
    ranges_.push_back({x, first, to, count});
    unwritten_ -= count;
  }

  void run(const RunContext&) override {
    const std::int64_t elements = y_.samples * y_.padded_channels() * y_.spatial;
    if (unwritten_ > 0 || y_.padded_channels() > y_.channels)
      cuda::launch(queue_, elements, clear_kernel, elements, out<float>(0));
    for (std::size_t i = 0; i < ranges_.size(); ++i) copy(ranges_[i], in<float>(static_cast<int>(i)));
  }

 private:
  void copy(const ChannelRange& range, const float* x) const {
    const std::int64_t xc = range.x.channels, yc = y_.channels, spatial = y_.spatial;
    if (range.x.outer == 1 && range.x.inner == xc && y_.outer == 1 && y_.inner == yc)
      copy_rows({y_.samples * spatial, range.count, xc, range.from, yc, range.to}, x);
    else if (range.x.inner == 1 && y_.inner == 1)
      copy_rows(
          {y_.samples, range.count * spatial, xc * spatial, range.from * spatial, yc * spatial, range.to * spatial}, x);
    else
      cuda::launch(queue_, y_.samples * spatial * range.count, copy_channels_kernel, range, y_, x, out<float>(0));
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
  ChannelView y_;
  std::int64_t unwritten_;  // the output's channels that come from no input
  std::vector<ChannelRange> ranges_;
};

/// The first input that does not lie plain says how the output lies: convolutions like it so, and no input need be
/// reordered.
std::unique_ptr<ChannelCopy> lower_copy(LoweringContext& context, std::vector<ChannelView>& inputs) {
  require_f32(context);
  Layout layout;
  for (int i = 0; i < context.inputs(); ++i) {
    inputs.push_back(require_channel_view(context, i));
    if (layout.is_plain()) layout = context.input(i).layout;
  }
  context.set_layout(0, layout);
  return std::make_unique<ChannelCopy>(cuda::queue(context), *channel_view(context.output(0)));
}

std::unique_ptr<Kernel> lower_concat(LoweringContext& context) {
  std::vector<ChannelView> inputs;
  std::unique_ptr<ChannelCopy> kernel = lower_copy(context, inputs);
  std::int64_t to = 0;
  for (const ChannelView& x : inputs) {
    kernel->add(x, 0, to, x.channels);
    to += x.channels;
  }
  return kernel;
}

std::unique_ptr<Kernel> lower_slice(LoweringContext& context) {
  std::vector<ChannelView> inputs;
  std::unique_ptr<ChannelCopy> kernel = lower_copy(context, inputs);
  kernel->add(inputs[0], context.op<ChannelRangeOp>().first(), 0, context.output(0).dims[1]);
  return kernel;
}

std::unique_ptr<Kernel> lower_pad(LoweringContext& context) {
  std::vector<ChannelView> inputs;
  std::unique_ptr<ChannelCopy> kernel = lower_copy(context, inputs);
  kernel->add(inputs[0], 0, context.op<ChannelRangeOp>().first(), inputs[0].channels);
  return kernel;
}

}  // namespace

void register_concat_cuda(KernelTable& table) {
  table.add("concat", lower_concat);
  table.add("slice_channels", lower_slice);
  table.add("pad_channels", lower_pad);
}

}  // namespace sluice
