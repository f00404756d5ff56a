#include <algorithm>
#include <vector>

#include <sluice/kernels/channel_view.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

/// Channels that lie side by side in both of two values, at every position: `count` numbers from the offset on, of one
/// sample, then again a row further on.
struct Run {
  int input;
  std::int64_t from, to;  ///< offsets in a sample
  std::int64_t count;
};

SLUICE_CLONES void copy_rows(const float* x, std::int64_t x_row, float* y, std::int64_t y_row, std::int64_t rows,
                             std::int64_t count) {
  if (count == 1)  // a channel between a plain and another layout
    for (std::int64_t s = 0; s < rows; ++s) y[s * y_row] = x[s * x_row];
  else
    for (std::int64_t s = 0; s < rows; ++s)
      for (std::int64_t c = 0; c < count; ++c) y[s * y_row + c] = x[s * x_row + c];
}

/// Copies ranges of channels from values in any layout that has a view to one in any other: where blocks meet blocks
/// it moves whole blocks, elsewhere as many channels at a time as lie side by side on both sides.
class ChannelCopy final : public Kernel {
 public:
  explicit ChannelCopy(const ChannelView& y) : y_(y), unwritten_(y.channels) {}

  /// Channels [first, first + count) of the next input become the output's from `to` on.
  void add(const ChannelView& x, std::int64_t first, std::int64_t to, std::int64_t count) {
    const int input = static_cast<int>(inputs_.size());
    inputs_.push_back(x);
    unwritten_ -= count;
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t c = first + done, k = to + done;
      const std::int64_t side_by_side = std::min({x.inner - c % x.inner, y_.inner - k % y_.inner, count - done});
      runs_.push_back({input, offset(x, c), offset(y_, k), side_by_side});
      done += side_by_side;
    }
  }

  void run(const RunContext&) override {
    const auto runs = static_cast<std::int64_t>(runs_.size());
    if (unwritten_ > 0 || y_.padded_channels() > y_.channels) clear();
    const std::int64_t grain = 1 + (1 << 14) * runs / (y_.channels * y_.spatial);
    cpu::parallel_for(y_.samples * runs, grain, [this, runs](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) copy(runs_[static_cast<std::size_t>(i % runs)], i / runs);
    });
  }

 private:
  static std::int64_t offset(const ChannelView& v, std::int64_t channel) {
    return channel / v.inner * v.spatial * v.inner + channel % v.inner;
  }

  void copy(const Run& r, std::int64_t sample) const {
    const ChannelView& x = inputs_[static_cast<std::size_t>(r.input)];
    const float* from = in<float>(r.input) + sample * x.padded_channels() * x.spatial + r.from;
    float* to = out<float>(0) + sample * y_.padded_channels() * y_.spatial + r.to;
    if (r.count == x.inner && r.count == y_.inner)
      std::copy_n(from, r.count * y_.spatial, to);
    else
      copy_rows(from, x.inner, to, y_.inner, y_.spatial, r.count);
  }

  /// What no run writes: other channels, padding.
  void clear() const {
    const std::int64_t count = y_.samples * y_.padded_channels() * y_.spatial;
    cpu::parallel_for(count, 1 << 15, [y = out<float>(0)](std::int64_t begin, std::int64_t end) {
      std::fill(y + begin, y + end, 0.0f);
    });
  }

  ChannelView y_;
  std::int64_t unwritten_;  // the output's channels that come from no input
  std::vector<ChannelView> inputs_;
  std::vector<Run> runs_;
};

/// The first input that does not lie plain says how the output lies: convolutions like it so, and no input need be
/// reordered.
std::unique_ptr<ChannelCopy> lower_copy(LoweringContext& context, std::vector<ChannelView>& inputs) {
  Layout layout;
  for (int i = 0; i < context.inputs(); ++i) {
    inputs.push_back(require_channel_view(context, i));
    if (layout.is_plain()) layout = context.input(i).layout;
  }
  context.set_layout(0, layout);
  return std::make_unique<ChannelCopy>(*channel_view(context.output(0)));
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

void register_concat_cpu(KernelTable& table) {
  table.add("concat", lower_concat);
  table.add("slice_channels", lower_slice);
  table.add("pad_channels", lower_pad);
}

}  // namespace sluice
