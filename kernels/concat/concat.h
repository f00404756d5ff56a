#pragma once

#include <span>

#include <sluice/core/graph.h>

namespace sluice {

/// Channels side by side: y[n, C_0 + … + C_{i−1} + c, ...] = x_i[n,c,...].
///
/// parts: one or more of [N,C_i,...], f32, sample, which differ in C_i only. Returns [N,ΣC_i,...]; a single part is
/// returned itself. Linear in all parts together. Gradients: slices of dy.
/// Throws ShapeError when the parts do not fit, UsageError when there are none.
Var concat(std::span<const Var> parts);
Var concat(std::initializer_list<Var> parts);

/// y[n,c,...] = x[n, first + c, ...] for 0 <= c < count: some of the channels.
///
/// x: [N,C,...], f32, sample. Returns [N,count,...]; x itself when that is all of it. Linear in x. Gradient:
/// pad_channels. Throws ShapeError unless 0 <= first, 1 <= count and first + count <= C.
Var slice_channels(Var x, std::int64_t first, std::int64_t count);

/// The reverse, zeros around it: y[n, first + c, ...] = x[n,c,...], and 0 in the other channels.
///
/// x: [N,C,...], f32, sample. Returns [N,channels,...]. Linear in x. Gradient: slice_channels.
/// Throws ShapeError unless 0 <= first and first + C <= channels.
Var pad_channels(Var x, std::int64_t first, std::int64_t channels);

/// What slice_channels and pad_channels share: the channels [first, first + count) of the larger value are those of the
/// smaller.
class ChannelRangeOp : public Op {
 public:
  ChannelRangeOp(std::int64_t first, std::int64_t count) : first_(first), count_(count) {}

  std::int64_t first() const { return first_; }
  std::string options() const override {
    return "first=" + std::to_string(first_) + " count=" + std::to_string(count_);
  }
  bool linear_in(int) const override { return true; }

 protected:
  std::int64_t first_;
  std::int64_t count_;  ///< of y: slice_channels' count, pad_channels' channels
};

}  // namespace sluice
