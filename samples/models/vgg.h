#pragma once

#include <sluice/core/error.h>
#include <sluice/layers/layers.h>

namespace sluice::samples {

/// VGG-16: thirteen 3x3 convolutions in five groups with a pooling behind each, three linear layers. [N,channels,H,W] →
/// [N,classes], H and W of at least 32; 138 357 544 parameters for 3 channels and 1000 classes. Other sizes than
/// 224x224 are pooled to the 7x7 the classifier knows. The layers have torchvision's names, so that its weights can
/// be loaded. Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for
/// Large-Scale Image Recognition", ICLR 2015, table 1, column D.
class Vgg16 final : public Module {
 public:
  struct Options {
    std::int64_t channels = 3;
    std::int64_t classes = 1000;
    bool batch_norm = false;  ///< behind each convolution (138 365 992 parameters); not in the paper
    BatchNormMode mode = BatchNormMode::local;
    std::int64_t width = 64;     ///< channels of the first group; the last has eight times as many
    std::int64_t hidden = 4096;  ///< features between the linear layers
    double dropout = 0.5;        ///< behind each of them
  };

  Vgg16() : Vgg16(Options{}) {}
  explicit Vgg16(const Options& options)
      : classifier_(Linear({.in = 8 * options.width * 7 * 7, .out = options.hidden}), ReLU(), Dropout(options.dropout),
                    Linear({.in = options.hidden, .out = options.hidden}), ReLU(), Dropout(options.dropout),
                    Linear({.in = options.hidden, .out = options.classes, .init = init::xavier_normal()})) {
    std::int64_t in = options.channels;
    for (const auto& [convolutions, widths] : {std::pair(2, 1), {2, 2}, {3, 4}, {3, 8}, {3, 8}}) {
      const std::int64_t out = widths * options.width;
      for (int i = 0; i < convolutions; ++i) {
        features_.add(Conv2d({.in = in, .out = out, .kernel = 3, .padding = 1}));
        if (options.batch_norm) features_.add(BatchNorm2d({.channels = out, .mode = options.mode}));
        features_.add(ReLU());
        in = out;
      }
      features_.add(MaxPool2d(2));
    }
  }

  Var forward(Var x) override {
    const Shape& image = x.shape();
    if (image.rank() != 3 || image[1] < 32 || image[2] < 32)
      throw ShapeError("vgg16: the image is too small, five poolings halve it; got " + image.str() +
                       "; expected [C,H,W] with H and W of at least 32");
    return classifier_(flatten_(pool_(features_(x))));
  }

  void children(const ChildVisitor& visit) override {
    visit("features", features_);
    visit("avgpool", pool_);
    visit("flatten", flatten_);
    visit("classifier", classifier_);
  }

 private:
  Sequential features_;
  AdaptiveAvgPool2d pool_{7};
  Flatten flatten_;
  Sequential classifier_;
};

}  // namespace sluice::samples
