#pragma once

#include <sluice/sluice.h>

namespace sluice::samples {

/// LeNet-5 (LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"): image [N,C,28,28] or
/// [N,C,32,32] → logits [N,classes]. 61 706 parameters with C = 1 and ten classes. As usual today: ReLU instead of
/// tanh, max pooling instead of trained subsampling, every map of C3 sees all of S2, a linear output with softmax cross
/// entropy.
class LeNet final : public Module {
 public:
  /// `image`: [C,H,W] of a sample. Throws ShapeError when the padding cannot make H and W 32, the paper's size.
  explicit LeNet(const Shape& image = {1, 28, 28}, std::int64_t classes = 10)
      : c1{{.in = image[0], .out = 6, .kernel = 5, .padding = padding_of(image)}},
        output{{.in = 84, .out = classes, .init = init::xavier_normal()}} {}

  Var forward(Var x) override {
    x = s2(relu1(c1(x)));         // [N,6,14,14]
    x = s4(relu3(c3(x)));         // [N,16,5,5]
    x = relu5(c5(flatten(x)));    // [N,120]
    return output(relu6(f6(x)));  // [N,84] → [N,classes]
  }

  void children(const ChildVisitor& visit) override {
    visit("c1", c1), visit("relu1", relu1), visit("s2", s2);
    visit("c3", c3), visit("relu3", relu3), visit("s4", s4);
    visit("flatten", flatten), visit("c5", c5), visit("relu5", relu5), visit("f6", f6), visit("relu6", relu6);
    visit("output", output);
  }

  Conv2d c1;
  ReLU relu1;
  MaxPool2d s2{2};
  Conv2d c3{{.in = 6, .out = 16, .kernel = 5}};
  ReLU relu3;
  MaxPool2d s4{2};
  Flatten flatten;
  Linear c5{{.in = 400, .out = 120}};  // 16·5·5; a convolution of that size in the paper
  ReLU relu5;
  Linear f6{{.in = 120, .out = 84}};
  ReLU relu6;
  Linear output;

 private:
  static std::int64_t padding_of(const Shape& image) {
    if (image.rank() == 3 && image[1] == image[2] && (image[1] == 28 || image[1] == 32)) return (32 - image[1]) / 2;
    throw ShapeError("lenet: image of another size; got " + image.str() + "; expected [C,28,28] or [C,32,32]");
  }
};

}  // namespace sluice::samples
