#include <sluice/kernels/concat/concat.h>

#include <vector>

#include <sluice/core/differentiate.h>

namespace sluice {
namespace {

bool is_part(const ValueSpec& x) { return x.dtype == DType::f32 && x.is_sample() && !x.is_scalar(); }

/// `x` with another number of channels.
Shape with_channels(const Shape& x, std::int64_t channels) { return x.without_leading().with_leading(channels); }

class Concat final : public Op {
 public:
  explicit Concat(std::size_t parts) : parts_(static_cast<int>(parts)) {}
  std::string_view type() const override { return "concat"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    std::string names;
    for (std::size_t i = 0; i < inputs.size(); ++i) names += (i ? ",x" : "x") + std::to_string(i);
    std::int64_t channels = 0;
    for (const ValueSpec& x : inputs) {
      if (!is_part(x)) throw_shape_error(*this, "a part has no channels", names, inputs, "f32 samples [N,C,...]");
      if (x.shape.without_leading() != inputs[0].shape.without_leading())
        throw_shape_error(*this, "parts differ in more than their channels", names, inputs,
                          "equal extents behind the channels");
      channels += x.shape[0];
    }
    return {{.shape = with_channels(inputs[0].shape, channels), .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    std::int64_t first = 0;
    for (int i = 0; i < parts_; ++i) {
      const std::int64_t count = context.input(i).shape()[0];
      if (context.needs(i)) context.set(i, slice_channels(context.dy(), first, count));
      first += count;
    }
  }

  bool linear_together(int) const override { return true; }

 private:
  int parts_;
};

class SliceChannels final : public ChannelRangeOp {
 public:
  using ChannelRangeOp::ChannelRangeOp;
  std::string_view type() const override { return "slice_channels"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& x = inputs[0];
    if (!is_part(x) || first_ < 0 || count_ < 1 || count_ > x.shape[0] - first_)
      throw_shape_error(*this, "x does not have these channels: " + options(), "x", inputs,
                        "an f32 sample value [N,C,...] with 0 <= first, 1 <= count and first + count <= C");
    return {{.shape = with_channels(x.shape, count_), .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, pad_channels(context.dy(), first_, context.input(0).shape()[0]));
  }
};

class PadChannels final : public ChannelRangeOp {
 public:
  using ChannelRangeOp::ChannelRangeOp;
  std::string_view type() const override { return "pad_channels"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    const ValueSpec& x = inputs[0];
    if (!is_part(x) || first_ < 0 || x.shape[0] > count_ - first_)
      throw_shape_error(*this, "x does not fit into these channels: " + options(), "x", inputs,
                        "an f32 sample value [N,C,...] with 0 <= first and first + C <= count");
    return {{.shape = with_channels(x.shape, count_), .dtype = DType::f32, .scope = Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    context.set(0, slice_channels(context.dy(), first_, context.input(0).shape()[0]));
  }
};

}  // namespace

Var concat(std::span<const Var> parts) {
  if (parts.empty()) throw UsageError("concat: nothing to put together; got no parts; expected one or more");
  if (parts.size() == 1) return parts[0];
  return parts[0].graph().add(std::make_shared<Concat>(parts.size()), parts)[0];
}

Var concat(std::initializer_list<Var> parts) { return concat(std::span(parts.begin(), parts.size())); }

Var slice_channels(Var x, std::int64_t first, std::int64_t count) {
  const Shape& shape = x.shape();
  if (first == 0 && shape.rank() > 0 && count == shape[0]) return x;
  return x.graph().add1(std::make_shared<SliceChannels>(first, count), {x});
}

Var pad_channels(Var x, std::int64_t first, std::int64_t channels) {
  return x.graph().add1(std::make_shared<PadChannels>(first, channels), {x});
}

}  // namespace sluice
