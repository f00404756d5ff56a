#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/layers/layers.h>

namespace sluice::samples {

/// relu(conv(relu(conv(x)))) with 3x3 convolutions that keep the extents and, if asked for, batch normalisation behind
/// each.
class DoubleConv final : public Module {
 public:
  DoubleConv(std::int64_t in, std::int64_t out, std::optional<BatchNormMode> batch_norm)
      : conv1_({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = !batch_norm}),
        conv2_({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = !batch_norm}) {
    if (!batch_norm) return;
    bn1_.emplace(BatchNorm2d::Options{.channels = out, .mode = *batch_norm});
    bn2_.emplace(BatchNorm2d::Options{.channels = out, .mode = *batch_norm});
  }

  Var forward(Var x) override {
    x = conv1_(x);
    x = conv2_(relu(bn1_ ? (*bn1_)(x) : x));
    return relu(bn2_ ? (*bn2_)(x) : x);
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    if (bn1_) visit("bn1", *bn1_);
    visit("conv2", conv2_);
    if (bn2_) visit("bn2", *bn2_);
  }

 private:
  Conv2d conv1_, conv2_;
  std::optional<BatchNorm2d> bn1_, bn2_;
};

/// A level of the way up: x with twice its extents, and half its channels, beside what the way down had there.
class UpBlock final : public ModuleOf<Var(Var x, Var skip)> {
 public:
  UpBlock(Sequential upsample, std::int64_t channels, std::optional<BatchNormMode> batch_norm)
      : upsample_(std::move(upsample)),
        merge_(channels, channels / 2, batch_norm) {}

  Var forward(Var x, Var skip) override { return merge_(concat({skip, upsample_(x)})); }

  void children(const ChildVisitor& visit) override {
    visit("upsample", upsample_);
    visit("merge", merge_);
  }

 private:
  Sequential upsample_;
  DoubleConv merge_;
};

/// A class for every pixel: [N,channels,H,W] → logits [N,classes,H,W]. Each level halves height and width and doubles
/// the channels; the way back up sees, at each level, what the way down had there. Source: Ronneberger, Fischer and
/// Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015, figure 1. As usual today,
/// convolutions are padded, so that H and W stay; they must be multiples of 2^depth.
class UNet final : public Module {
 public:
  /// How extents grow on the way up; both halve the channels.
  enum class Upsampling {
    transposed,  ///< a transposed 2x2 convolution of stride 2
    nearest      ///< each pixel four times, then a 3x3 convolution
  };
  struct Options {
    std::int64_t channels = 3;
    std::int64_t classes = 2;
    std::int64_t width = 64;  ///< channels of the first level
    int depth = 4;            ///< levels below the first
    Upsampling upsampling = Upsampling::transposed;
    /// Behind each 3x3 convolution of a level, which then has no bias; empty: none, as in the paper.
    std::optional<BatchNormMode> batch_norm = BatchNormMode::local;
  };

  UNet() : UNet(Options{}) {}
  explicit UNet(const Options& options)
      : head_({.in = options.width, .out = options.classes, .kernel = 1, .init = init::xavier_normal()}) {
    if (options.depth < 1 || options.depth > 10)
      throw UsageError("unet: depth out of range; got " + std::to_string(options.depth) + "; expected 1 to 10");
    std::int64_t in = options.channels, out = options.width;
    for (int level = 0; level <= options.depth; ++level, out *= 2) {
      down_.emplace_back(in, out, options.batch_norm);
      in = out;
    }
    for (; in > options.width; in /= 2) up_.emplace_back(upsampling(options.upsampling, in), in, options.batch_norm);
  }

  Var forward(Var x) override {
    check_extents(x.shape());
    std::vector<Var> skips;
    for (std::size_t level = 0; level < down_.size(); ++level) {
      if (level > 0) x = pool_(x);
      x = down_[level](x);
      skips.push_back(x);
    }
    for (UpBlock& up : up_) {
      skips.pop_back();
      x = up(x, skips.back());
    }
    return head_(x);
  }

  void children(const ChildVisitor& visit) override {
    for (std::size_t i = 0; i < down_.size(); ++i) visit("down" + std::to_string(i), down_[i]);
    visit("pool", pool_);
    for (std::size_t i = 0; i < up_.size(); ++i) visit("up" + std::to_string(i), up_[i]);
    visit("head", head_);
  }

 private:
  static Sequential upsampling(Upsampling kind, std::int64_t in) {
    if (kind == Upsampling::transposed)
      return Sequential(ConvTranspose2d({.in = in, .out = in / 2, .kernel = 2, .stride = 2}));
    return Sequential(UpsampleNearest2d(2), Conv2d({.in = in, .out = in / 2, .kernel = 3, .padding = 1}));
  }

  void check_extents(const Shape& image) const {
    const std::int64_t multiple = std::int64_t{1} << up_.size();
    if (image.rank() != 3 || image[1] % multiple != 0 || image[2] % multiple != 0)
      throw ShapeError("unet: the image cannot be halved " + std::to_string(up_.size()) + " times; got " + image.str() +
                       "; expected [C,H,W] with H and W multiples of " + std::to_string(multiple));
  }

  std::vector<DoubleConv> down_;
  MaxPool2d pool_{2};
  std::vector<UpBlock> up_;
  Conv2d head_;
};

}  // namespace sluice::samples
