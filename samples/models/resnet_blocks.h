#pragma once

#include <optional>

#include <sluice/kernels/relu/relu.h>
#include <sluice/layers/layers.h>

namespace sluice::samples {

/// What a residual block adds to what it computes: a 1x1 convolution where channels or extents change; empty where it
/// is x itself.
inline std::optional<Sequential> projection(std::int64_t in, std::int64_t out, std::int64_t stride,
                                            BatchNormMode mode) {
  if (stride == 1 && in == out) return std::nullopt;
  return Sequential(Conv2d({.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false}),
                    BatchNorm2d({.channels = out, .mode = mode}));
}

/// Two 3x3 convolutions and a shortcut around them: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)). Source: He, Zhang,
/// Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, figure 2.
///
/// An example of composition: layers are plain members, children() names them, forward() says how they connect. Nothing
/// is said about fusion: the sum and both relus become part of the batch normalisations by themselves.
class BasicBlock final : public Module {
 public:
  static constexpr std::int64_t expansion = 1;  ///< channels of the result for each of `width`

  BasicBlock(std::int64_t in, std::int64_t width, std::int64_t stride, BatchNormMode mode)
      : conv1_({.in = in, .out = width, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
        bn1_({.channels = width, .mode = mode}),
        conv2_({.in = width, .out = width, .kernel = 3, .padding = 1, .bias = false}),
        bn2_({.channels = width, .mode = mode}),
        downsample_(projection(in, width, stride, mode)) {}

  Var forward(Var x) override {
    const Var shortcut = downsample_ ? (*downsample_)(x) : x;
    x = relu(bn1_(conv1_(x)));
    return relu(add(bn2_(conv2_(x)), shortcut));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("bn1", bn1_);
    visit("conv2", conv2_);
    visit("bn2", bn2_);
    if (downsample_) visit("downsample", *downsample_);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  std::optional<Sequential> downsample_;
};

/// A 3x3 convolution between two 1x1 ones, the first of which narrows to `width` channels and the last widens to four
/// times as many, and a shortcut around them (figure 5, right). The stride is that of the 3x3 convolution, as in the
/// versions most people train today; the paper has it at the first 1x1 one.
class Bottleneck final : public Module {
 public:
  static constexpr std::int64_t expansion = 4;

  Bottleneck(std::int64_t in, std::int64_t width, std::int64_t stride, BatchNormMode mode)
      : conv1_({.in = in, .out = width, .kernel = 1, .bias = false}),
        bn1_({.channels = width, .mode = mode}),
        conv2_({.in = width, .out = width, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
        bn2_({.channels = width, .mode = mode}),
        conv3_({.in = width, .out = expansion * width, .kernel = 1, .bias = false}),
        bn3_({.channels = expansion * width, .mode = mode}),
        downsample_(projection(in, expansion * width, stride, mode)) {}

  Var forward(Var x) override {
    const Var shortcut = downsample_ ? (*downsample_)(x) : x;
    x = relu(bn1_(conv1_(x)));
    x = relu(bn2_(conv2_(x)));
    return relu(add(bn3_(conv3_(x)), shortcut));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("bn1", bn1_);
    visit("conv2", conv2_);
    visit("bn2", bn2_);
    visit("conv3", conv3_);
    visit("bn3", bn3_);
    if (downsample_) visit("downsample", *downsample_);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
  BatchNorm2d bn3_;
  std::optional<Sequential> downsample_;
};

}  // namespace sluice::samples
