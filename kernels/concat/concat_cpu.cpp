#include <algorithm>
#include <vector>

#include <sluice/kernels/concat/concat_ranges.h>
#include <sluice/kernels/cpu/parallel.h>

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
  explicit ChannelCopy(ChannelRanges ranges) : ranges_(std::move(ranges)), y_(ranges_.y) {
    for (std::size_t i = 0; i < ranges_.inputs.size(); ++i) add(static_cast<int>(i), ranges_.inputs[i]);
  }

  void run(const RunContext&) override {
    const auto runs = static_cast<std::int64_t>(runs_.size());
    if (ranges_.has_gaps()) clear();
    const std::int64_t grain = 1 + (1 << 14) * runs / (y_.channels * y_.spatial);
    cpu::parallel_for(y_.samples * runs, grain, [this, runs](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) copy(runs_[static_cast<std::size_t>(i % runs)], i / runs);
    });
  }

 private:
  void add(int input, const ChannelRange& range) {
    const ChannelView& x = range.x;
    for (std::int64_t done = 0; done < range.count;) {
      const std::int64_t c = range.from + done, k = range.to + done;
      const std::int64_t side_by_side = std::min({x.inner - c % x.inner, y_.inner - k % y_.inner, range.count - done});
      runs_.push_back({input, offset(x, c), offset(y_, k), side_by_side});
      done += side_by_side;
    }
  }

  static std::int64_t offset(const ChannelView& v, std::int64_t channel) {
    return channel / v.inner * v.spatial * v.inner + channel % v.inner;
  }

  void copy(const Run& r, std::int64_t sample) const {
    const ChannelView& x = ranges_.inputs[static_cast<std::size_t>(r.input)].x;
    const float* from = in<float>(r.input) + sample * x.padded_channels() * x.spatial + r.from;
    float* to = out<float>(0) + sample * y_.padded_channels() * y_.spatial + r.to;
    if (r.count == x.inner && r.count == y_.inner)
      std::copy_n(from, r.count * y_.spatial, to);
    else
      copy_rows(from, x.inner, to, y_.inner, y_.spatial, r.count);
  }

  /// What no run writes: other channels, padding.
  void clear() const {
    cpu::parallel_for(ranges_.elements(), 1 << 15, [y = out<float>(0)](std::int64_t begin, std::int64_t end) {
      std::fill(y + begin, y + end, 0.0f);
    });
  }

  ChannelRanges ranges_;
  ChannelView y_;
  std::vector<Run> runs_;
};

}  // namespace

void register_concat_cpu(KernelTable& table) {
  table.add("concat",
            [](LoweringContext& context) { return std::make_unique<ChannelCopy>(lower_concat_ranges(context)); });
  table.add("slice_channels",
            [](LoweringContext& context) { return std::make_unique<ChannelCopy>(lower_slice_ranges(context)); });
  table.add("pad_channels",
            [](LoweringContext& context) { return std::make_unique<ChannelCopy>(lower_pad_ranges(context)); });
}

}  // namespace sluice
