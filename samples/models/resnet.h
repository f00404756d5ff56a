#pragma once

#include <array>
#include <string>

#include <sluice/core/error.h>

#include "models/resnet_blocks.h"

namespace sluice::samples {

/// What resnets of all sizes share: a stem, four groups of residual blocks of which all but the first halve height and
/// width and double the channels, the mean of each channel, a linear layer. [N,channels,H,W] → [N,classes]. The names
/// of layers are torchvision's, so that its weights can be loaded. Source: He,
/// Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1.
class ResNet : public Module {
 public:
  struct Options {
    std::int64_t channels = 3;
    std::int64_t classes = 1000;
    BatchNormMode mode = BatchNormMode::local;
    std::int64_t width = 64;  ///< channels of the first group
  };

  Var forward(Var x) override {
    if (imagenet_) check_extents(x.shape());
    x = relu(bn1_(conv1_(x)));
    if (imagenet_) x = maxpool_(x);
    for (Sequential& layer : layers_) x = layer(x);
    return fc_(avgpool_(x));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("bn1", bn1_);
    if (imagenet_) visit("maxpool", maxpool_);
    for (std::size_t i = 0; i < layers_.size(); ++i) visit("layer" + std::to_string(i + 1), layers_[i]);
    visit("avgpool", avgpool_);
    visit("fc", fc_);
  }

 protected:
  enum class Stem {
    cifar,    ///< a 3x3 convolution, for small images
    imagenet  ///< a 7x7 convolution of stride 2 and a pooling of stride 2
  };

  /// `blocks`: how many Blocks (BasicBlock, Bottleneck) each group has.
  template <class Block>
  static ResNet of(Stem stem, const std::array<int, 4>& blocks, const Options& options) {
    ResNet net(stem, options, Block::expansion * 8 * options.width);
    std::int64_t in = options.width;
    for (std::size_t group = 0; group < blocks.size(); ++group) {
      const std::int64_t width = options.width << group;
      for (int i = 0; i < blocks[group]; ++i) {
        net.layers_[group].add(Block(in, width, group > 0 && i == 0 ? 2 : 1, options.mode));
        in = Block::expansion * width;
      }
    }
    return net;
  }

 private:
  ResNet(Stem stem, const Options& options, std::int64_t features)
      : imagenet_(stem == Stem::imagenet),
        conv1_({.in = options.channels,
                .out = options.width,
                .kernel = imagenet_ ? 7 : 3,
                .stride = imagenet_ ? 2 : 1,
                .padding = imagenet_ ? 3 : 1,
                .bias = false}),
        bn1_({.channels = options.width, .mode = options.mode}),
        fc_({.in = features, .out = options.classes}) {}

  static void check_extents(const Shape& image) {
    if (image.rank() != 3 || image[1] < 32 || image[2] < 32)
      throw ShapeError("resnet: the image is too small, the stem and the groups halve it five times; got " +
                       image.str() + "; expected [C,H,W] with H and W of at least 32");
  }

  bool imagenet_;
  Conv2d conv1_;
  BatchNorm2d bn1_;
  MaxPool2d maxpool_{{.kernel = 3, .stride = 2, .padding = 1}};
  std::array<Sequential, 4> layers_;
  GlobalAvgPool2d avgpool_;
  Linear fc_;
};

/// For 32x32 images; 11.2 million parameters for ten classes.
class ResNet18Cifar final : public ResNet {
 public:
  struct Options {
    std::int64_t channels = 3;
    std::int64_t classes = 10;
    BatchNormMode mode = BatchNormMode::local;
    std::int64_t width = 64;
  };

  ResNet18Cifar() : ResNet18Cifar(Options{}) {}
  explicit ResNet18Cifar(const Options& o)
      : ResNet(of<BasicBlock>(Stem::cifar, {2, 2, 2, 2},
                              {.channels = o.channels, .classes = o.classes, .mode = o.mode, .width = o.width})) {}
};

/// For images of 224x224 and others from 32x32 on; 11 689 512 parameters.
class ResNet18 final : public ResNet {
 public:
  ResNet18() : ResNet18(Options{}) {}
  explicit ResNet18(const Options& options) : ResNet(of<BasicBlock>(Stem::imagenet, {2, 2, 2, 2}, options)) {}
};

/// For images of 224x224 and others from 32x32 on; 25 557 032 parameters.
class ResNet50 final : public ResNet {
 public:
  ResNet50() : ResNet50(Options{}) {}
  explicit ResNet50(const Options& options) : ResNet(of<Bottleneck>(Stem::imagenet, {3, 4, 6, 3}, options)) {}
};

}  // namespace sluice::samples
