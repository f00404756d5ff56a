#pragma once

#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/conv2d.h>
#include <sluice/layers/linear.h>

#include "small_net.h"

namespace sluice::test {

/// A residual block between batch-normalised convolutions and a linear head, on [2,8,8].
class ResidualNet final : public Module {
 public:
  explicit ResidualNet(BatchNormMode mode)
      : conv1_({.in = 2, .out = 6, .kernel = 3, .padding = 1, .bias = false}),
        conv2_({.in = 6, .out = 6, .kernel = 3, .padding = 1, .bias = false}),
        bn0_({.channels = 2, .mode = mode}),
        bn1_({.channels = 6, .mode = mode}),
        bn2_({.channels = 6, .mode = mode}),
        head_({.in = std::int64_t{6} * 64, .out = SmallNet::classes}) {
    initialize(*this, 3);
  }

  Var forward(Var x) override {
    x = relu(bn1_(conv1_(bn0_(x))));
    x = relu(add(bn2_(conv2_(x)), x));
    return head_(flatten(x));
  }
  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("conv2", conv2_);
    visit("bn0", bn0_);
    visit("bn1", bn1_);
    visit("bn2", bn2_);
    visit("head", head_);
  }
  /// The first one normalises the images themselves.
  BatchNorm2d& first() { return bn0_; }
  BatchNorm2d& last() { return bn2_; }

 private:
  Conv2d conv1_, conv2_;
  BatchNorm2d bn0_, bn1_, bn2_;
  Linear head_;
};

}  // namespace sluice::test
