// What a Trainer says about a model or an optimizer that is gone, about parameters without values, and about those it
// does not train.

#include <memory>

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

/// A linear layer, and one that forward() does not call.
class WithSpare final : public Module {
 public:
  explicit WithSpare(Initializer init = init::kaiming_normal()) : used{{.in = 6, .out = 4, .init = std::move(init)}} {}

  Var forward(Var x) override { return used(x); }
  void children(const ChildVisitor& visit) override {
    visit("used", used);
    visit("spare", spare);
  }

  Linear used;
  Linear spare{{.in = 6, .out = 4}};
};

class TrainerOfModel : public testing::Test {
 protected:
  static StepFunction step_of(Module& net) {
    return [&net](const Batch& b) {
      const Var logits = net(b["x"]);
      b.output("logits", logits);
      return cross_entropy(logits, b["label"]);
    };
  }
  /// The messages of training, evaluation and prediction.
  std::vector<std::string> refusals(Trainer& trainer) {
    return {message_of<UsageError>([&] { trainer.step(data_); }),
            message_of<UsageError>([&] { trainer.run_epoch(data_); }),
            message_of<UsageError>([&] { trainer.evaluate(data_); }),
            message_of<UsageError>([&] { trainer.predict(data_, "logits"); })};
  }

  TensorDataset data_ = linear_data(20);
  Sgd sgd_{{.lr = 0.1}};
  TrainerOptions options_{.batch = 10, .device = Device::cpu()};
};

TEST_F(TrainerOfModel, SaysThatTheModelIsGone) {
  for (const bool after_a_step : {false, true}) {
    auto net = std::make_unique<WithSpare>();
    const Parameter weight = net->used.weight();
    auto trainer = std::make_unique<Trainer>(*net, sgd_, step_of(*net), data_.spec(), options_);
    if (after_a_step) trainer->step(data_);
    net.reset();
    for (const std::string& text : refusals(*trainer)) expect_parts_of(text, {"its model is gone", "to outlive"});
    expect_parts_of(message_of<UsageError>([&] { trainer->weights_hash(); }), {"its model is gone"});
    const Tensor last = weight.read();
    trainer.reset();  // brings the values home, to whoever still has the parameter
    EXPECT_EQ(doubles(weight.read()), doubles(last));
  }
}

TEST_F(TrainerOfModel, SaysThatTheModelWasMoved) {
  WithSpare net;
  Trainer trainer(net, sgd_, step_of(net), data_.spec(), options_);
  const WithSpare elsewhere = std::move(net);
  for (const std::string& text : refusals(trainer)) expect_parts_of(text, {"its model is gone", "moved from"});
}

TEST_F(TrainerOfModel, SaysThatTheOptimizerIsGone) {
  WithSpare net;
  auto sgd = std::make_unique<Sgd>(SgdOptions{.lr = 0.1});
  Trainer trainer(net, *sgd, step_of(net), data_.spec(), options_);
  trainer.step(data_);
  sgd.reset();
  for (const std::string& text : refusals(trainer)) expect_parts_of(text, {"its optimizer is gone", "to outlive"});
}

TEST_F(TrainerOfModel, RefusesAParameterWithoutAValue) {
  WithSpare net(init::none());
  Trainer trainer(net, sgd_, step_of(net), data_.spec(), options_);
  EXPECT_GT(trainer.plan().planned_peak_bytes(), 0u);  // planning needs no values
  for (const std::string& text : refusals(trainer))
    expect_parts_of(text, {"not initialised", "'used.weight' f32[4,6]", "initialize() of its model, by training it",
                           "Parameter::write()"});
  Parameter(net.used.weight()).write(Tensor({4, 6}));
  for (const std::string& text : refusals(trainer)) EXPECT_EQ(text, "");
}

TEST_F(TrainerOfModel, SaysBeforehandWhatItTrains) {
  options_.keep_gradients = true;
  WithSpare net;
  net.used.set_trainable(true);
  Parameter(net.used.bias()).set_trainable(false);
  Parameter foreign(Tensor({3}));
  Trainer trainer(net, sgd_, step_of(net), data_.spec(), options_);
  EXPECT_TRUE(trainer.trains(net.used.weight()));
  EXPECT_FALSE(trainer.trains(net.used.bias()));
  EXPECT_FALSE(trainer.trains(net.spare.weight()));
  EXPECT_FALSE(trainer.trains(foreign));
  EXPECT_FALSE(trainer.trains(Parameter()));
  trainer.step(data_);
  for (const auto& [name, parameter] : named_parameters(net)) {
    const std::string text = message_of<UsageError>([&] { trainer.gradient(parameter); });
    EXPECT_EQ(text.empty(), trainer.trains(parameter)) << name << ": " << text;
  }
  expect_parts_of(message_of<UsageError>([&] { trainer.gradient(net.spare.weight()); }),
                  {"'spare.weight'", "the step does not read", "trains()"});
  expect_parts_of(message_of<UsageError>([&] { trainer.gradient(net.used.bias()); }), {"'used.bias'", "frozen"});
  EXPECT_THROW(trainer.gradient(Parameter()), UsageError);
}

}  // namespace
}  // namespace sluice::test
