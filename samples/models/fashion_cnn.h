#pragma once

#include <sluice/sluice.h>

namespace sluice::samples {

/// A small CNN: image [N,C,H,W] → logits [N,classes]. 431 thousand parameters for [1,28,28] and ten classes.
class FashionCnn final : public Module {
 public:
  /// `image`: [C,H,W] of a sample. Throws ShapeError when two poolings leave nothing of it.
  explicit FashionCnn(const Shape& image = {1, 28, 28}, std::int64_t classes = 10)
      : conv1{{.in = channels_of(image), .out = 48, .kernel = 3, .padding = 1}},
        fc1{{.in = 64 * (image[1] / 4) * (image[2] / 4), .out = 128}},
        fc2{{.in = 128, .out = classes, .init = init::xavier_normal()}} {}

  Var forward(Var x) override {
    x = pool1(relu1(conv1(x)));  // [N,48,H/2,W/2]
    x = pool2(relu2(conv2(x)));  // [N,64,H/4,W/4]
    x = relu3(fc1(flatten(x)));  // [N,128]
    return fc2(dropout(x));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1), visit("relu1", relu1), visit("pool1", pool1);
    visit("conv2", conv2), visit("relu2", relu2), visit("pool2", pool2);
    visit("flatten", flatten), visit("fc1", fc1), visit("relu3", relu3), visit("dropout", dropout), visit("fc2", fc2);
  }

  Conv2d conv1;
  ReLU relu1;
  MaxPool2d pool1{2};
  Conv2d conv2{{.in = 48, .out = 64, .kernel = 3, .padding = 1}};
  ReLU relu2;
  MaxPool2d pool2{2};
  Flatten flatten;
  Linear fc1;
  ReLU relu3;
  Dropout dropout{0.1};
  Linear fc2;

 private:
  static std::int64_t channels_of(const Shape& image) {
    if (image.rank() == 3 && image[1] >= 4 && image[2] >= 4) return image[0];
    throw ShapeError("fashion_cnn: image; got " + image.str() + "; expected [C,H,W] with H and W of at least 4");
  }
};

}  // namespace sluice::samples
