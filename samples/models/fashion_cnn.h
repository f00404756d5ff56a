#pragma once

#include <sluice/sluice.h>

namespace sluice::samples {

/// A small CNN for 28x28 grey images in 10 classes: image [N,1,28,28] → logits [N,10]. 431 thousand parameters.
class FashionCnn final : public Module {
 public:
  Var forward(Var x) override {
    x = pool1(relu1(conv1(x)));  // [N,48,14,14]
    x = pool2(relu2(conv2(x)));  // [N,64,7,7]
    x = relu3(fc1(flatten(x)));  // [N,128]
    return fc2(dropout(x));
  }

  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1), visit("relu1", relu1), visit("pool1", pool1);
    visit("conv2", conv2), visit("relu2", relu2), visit("pool2", pool2);
    visit("flatten", flatten), visit("fc1", fc1), visit("relu3", relu3), visit("dropout", dropout), visit("fc2", fc2);
  }

  Conv2d conv1{{.in = 1, .out = 48, .kernel = 3, .padding = 1}};
  ReLU relu1;
  MaxPool2d pool1{2};
  Conv2d conv2{{.in = 48, .out = 64, .kernel = 3, .padding = 1}};
  ReLU relu2;
  MaxPool2d pool2{2};
  Flatten flatten;
  Linear fc1{{.in = 3136, .out = 128}};  // 64·7·7
  ReLU relu3;
  Dropout dropout{0.1};
  Linear fc2{{.in = 128, .out = 10, .init = init::xavier_normal()}};
};

}  // namespace sluice::samples
