#pragma once

#include <optional>
#include <vector>

#include <sluice/kernels/relu/relu.h>
#include <sluice/layers/layers.h>

namespace sluice::samples {

/// Two 3x3 convolutions and a shortcut around them: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)). The shortcut is x
/// itself, or a 1x1 convolution where channels or extents change. Source: He, Zhang, Ren and Sun, "Deep Residual
/// Learning for Image Recognition", CVPR 2016, figure 2.
///
/// An example of composition: layers are plain members, children() names them, forward() says how they connect. Nothing
/// is said about fusion: the sum and both relus become part of the batch normalisations by themselves.
class BasicBlock final : public Module {
 public:
  BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride, BatchNormMode mode)
      : conv1_({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
        bn1_({.channels = out, .mode = mode}),
        conv2_({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        bn2_({.channels = out, .mode = mode}) {
    if (stride == 1 && in == out) return;
    shortcut_conv_.emplace(Conv2d::Options{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false});
    shortcut_bn_.emplace(BatchNorm2d::Options{.channels = out, .mode = mode});
  }

  Var forward(Var x) override {
    const Var shortcut = shortcut_conv_ ? (*shortcut_bn_)((*shortcut_conv_)(x)) : x;
    x = relu(bn1_(conv1_(x)));
    return relu(add(bn2_(conv2_(x)), shortcut));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("bn1", bn1_);
    visit("conv2", conv2_);
    visit("bn2", bn2_);
    if (!shortcut_conv_) return;
    visit("shortcut_conv", *shortcut_conv_);
    visit("shortcut_bn", *shortcut_bn_);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  std::optional<Conv2d> shortcut_conv_;
  std::optional<BatchNorm2d> shortcut_bn_;
};

/// ResNet-18 for 32x32 images, [N,channels,32,32] → [N,classes]: a 3x3 convolution without pooling in front, four
/// groups of two blocks with 64, 128, 256 and 512 channels. 11.2 million parameters for ten classes.
class ResNet18Cifar final : public Module {
 public:
  struct Options {
    std::int64_t channels = 3;
    std::int64_t classes = 10;
    BatchNormMode mode = BatchNormMode::local;
  };

  ResNet18Cifar() : ResNet18Cifar(Options{}) {}
  explicit ResNet18Cifar(const Options& options)
      : conv_({.in = options.channels, .out = 64, .kernel = 3, .padding = 1, .bias = false}),
        bn_({.channels = 64, .mode = options.mode}),
        head_({.in = 512, .out = options.classes}) {
    std::int64_t in = 64;
    for (const std::int64_t out : {64, 128, 256, 512}) {
      blocks_.add(BasicBlock(in, out, out == 64 ? 1 : 2, options.mode));
      blocks_.add(BasicBlock(out, out, 1, options.mode));
      in = out;
    }
  }

  Var forward(Var x) override { return head_(pool_(blocks_(relu(bn_(conv_(x)))))); }

  void children(const ChildVisitor& visit) override {
    visit("conv", conv_);
    visit("bn", bn_);
    visit("blocks", blocks_);
    visit("pool", pool_);
    visit("head", head_);
  }

 private:
  Conv2d conv_;
  BatchNorm2d bn_;
  Sequential blocks_;
  GlobalAvgPool2d pool_;
  Linear head_;
};

}  // namespace sluice::samples
