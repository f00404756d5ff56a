// A step trains the parameters of its Trainer's model and no others.

#include <gtest/gtest.h>

#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/linear.h>
#include <sluice/layers/losses.h>
#include <sluice/layers/sequential.h>
#include <sluice/layers/stateless.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"

namespace sluice::test {
namespace {

class OwnedParameters : public testing::Test {
 protected:
  std::string refusal(Module& model, const StepFunction& step) {
    return message_of<UsageError>([&] { Trainer(model, sgd_, step, data_.spec(), options_); });
  }

  TensorDataset data_ = linear_data(20);
  Sgd sgd_{{.lr = 0.1, .weight_decay = 0.1}};
  TrainerOptions options_{.batch = 10, .device = Device::cpu()};
};

TEST_F(OwnedParameters, ClassWeightsAreNotTrainedInSilence) {
  LinearNet net;
  Parameter weights(Tensor::of<float>({4}, {1, 2, 0.5f, 1}), "class_weights");
  const StepFunction step = [&](const Batch& b) {
    return cross_entropy(net(b["x"]), b["label"], {}, b["x"].graph().parameter(weights));
  };
  expect_parts_of(refusal(net, step), {"would train", "'class_weights' f32[4]", "cross_entropy", "children()",
                                       "parameters()", "set_trainable(false)"});
  weights.set_trainable(false);
  const std::vector<double> before = doubles(weights.read());
  Trainer trainer(net, sgd_, step, data_.spec(), options_);
  for (int i = 0; i < 10; ++i) trainer.step(data_);
  EXPECT_EQ(doubles(weights.read()), before);
}

TEST_F(OwnedParameters, AModuleThatTheTrainerWasNotGivenIsRefusedByName) {
  LinearNet net;
  Sequential head(Linear({.in = 4, .out = 4}));
  const StepFunction step = [&](const Batch& b) { return cross_entropy(head(net(b["x"])), b["label"]); };
  expect_parts_of(refusal(net, step), {"would train", "f32[4,4]", "read by linear"});
  head.set_trainable(false);
  expect_parts_of(refusal(net, step), {"before it has a value", "f32[4,4]", "initialize()"});
  initialize(head, 3);
  EXPECT_EQ(refusal(net, step), "");
}

TEST_F(OwnedParameters, AMemberLeftOutOfChildrenIsRefused) {
  class Net final : public Module {
   public:
    Var forward(Var x) override { return last_(first_(x)); }
    void children(const ChildVisitor& visit) override {
      visit("first", first_);
      if (complete) visit("last", last_);
    }
    bool complete = false;

   private:
    Linear first_{{.in = 6, .out = 5}};
    Linear last_{{.in = 5, .out = 4}};
  };
  Net net;
  const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
  EXPECT_EQ(
      refusal(net, step),
      "trainer: the step would train a parameter that is not the model's; got 'weight' f32[4,5], read by linear "
      "in the model (Net), whose children() lists first (is one missing?); expected a parameter that the model "
      "lists in children() or parameters(). Others must be initialised and frozen: initialize(), set_trainable(false), "
      "freeze_statistics().");
  Sequential around(ReLU(), std::move(net));
  const StepFunction deeper = [&](const Batch& b) { return cross_entropy(around(b["x"]), b["label"]); };
  expect_parts_of(refusal(around, deeper), {"read by linear in layer 1 (Net), whose children() lists first"});
  Net again;
  again.complete = true;
  EXPECT_EQ(refusal(again, [&](const Batch& b) { return cross_entropy(again(b["x"]), b["label"]); }), "");
}

TEST_F(OwnedParameters, TwoChildrenOfOneNameAreRefused) {
  class Two final : public Module {
   public:
    Var forward(Var x) override { return b_(a_(x)); }
    void children(const ChildVisitor& visit) override {
      visit("a", a_);
      visit("a", b_);
    }

   private:
    Linear a_{{.in = 6, .out = 5}};
    Linear b_{{.in = 5, .out = 4}};
  };
  Sequential net(ReLU{}, Two{});
  EXPECT_EQ(refusal(net, [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); }),
            "model: two children of layer 1 (Two) are called 'a'; expected different names");
}

TEST_F(OwnedParameters, WhatOnlyTheEvaluationReadsIsRefusedToo) {
  LinearNet net, other;
  const StepFunction step = [&](const Batch& b) {
    return cross_entropy(net.training() ? net(b["x"]) : other(b["x"]), b["label"]);
  };
  expect_parts_of(refusal(net, step), {"f32[4", "read by linear"});
}

TEST_F(OwnedParameters, StatisticsOfAFrozenModuleMayNotMove) {
  LinearNet net;
  BatchNorm2d norm(6);
  initialize(norm, 1);
  norm.set_trainable(false);
  const StepFunction step = [&](const Batch& b) { return cross_entropy(net(norm(b["x"])), b["label"]); };
  expect_parts_of(refusal(net, step), {"updates", "f32[6]", "batch_norm", "statistics"});
  norm.freeze_statistics();
  EXPECT_EQ(refusal(net, step), "");
}

}  // namespace
}  // namespace sluice::test
