// What a Trainer does with numbers that are wrong: of the schedule, in labels, in inputs, in results.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/layers/losses.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"

namespace sluice::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

StepFunction step_of(LinearNet& net) {
  return [&net](const Batch& b) {
    const Var logits = net(b["x"]);
    b.output("logits", logits);
    b.output("losses", cross_entropy_loss(logits, b["label"]));
    b.output("accuracy", accuracy(logits, b["label"]));
    return cross_entropy(logits, b["label"], {}, {}, b["weight"]);
  };
}

/// linear_data with some numbers changed.
struct Changed {
  std::map<std::int64_t, std::int32_t> labels = {};
  std::map<std::int64_t, float> x = {}, weights = {};
};
TensorDataset changed_data(std::int64_t n, const Changed& changed) {
  const TensorDataset data = linear_data(n);
  std::vector<Tensor> fields;
  for (std::size_t f = 0; f < 4; ++f) {
    const FieldSpec& spec = data.spec().fields[f];
    fields.emplace_back(spec.shape.with_leading(n), spec.dtype);
    for (std::int64_t i = 0; i < n; ++i)
      data.read(i, f, static_cast<std::byte*>(fields[f].data()) + static_cast<std::size_t>(i) * spec.sample_bytes());
  }
  for (const auto& [i, label] : changed.labels) fields[1].values<std::int32_t>()[static_cast<std::size_t>(i)] = label;
  for (const auto& [i, x] : changed.x) fields[0].values<float>()[static_cast<std::size_t>(6 * i + 4)] = x;
  for (const auto& [i, w] : changed.weights) fields[3].values<float>()[static_cast<std::size_t>(i)] = w;
  return TensorDataset("changed",
                       {{"x", fields[0]}, {"label", fields[1]}, {"second", fields[2]}, {"weight", fields[3]}});
}

/// `data` without `count` samples from `first` on.
TensorDataset without_samples(const TensorDataset& data, std::int64_t first, std::int64_t count) {
  std::vector<TensorDataset::Field> fields;
  for (std::size_t f = 0; f < data.spec().fields.size(); ++f) {
    const FieldSpec& spec = data.spec().fields[f];
    std::vector<std::byte> values;
    std::vector<std::byte> sample(spec.sample_bytes());
    for (std::int64_t i = 0; i < data.spec().samples; ++i) {
      if (first <= i && i < first + count) continue;
      data.read(i, f, sample.data());
      values.insert(values.end(), sample.begin(), sample.end());
    }
    fields.emplace_back(spec, values);
  }
  return TensorDataset("shorter", fields);
}

class BadNumbers : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }

  LinearNet net_;
  Sgd sgd_{{.lr = 0.1, .momentum = 0.9}};
};

// --- Scalars

TEST_F(BadNumbers, OfAScheduleStopTheStepBeforeAnythingChanges) {
  const TensorDataset data = linear_data(40);
  for (const double factor : {std::nan(""), -1.0, static_cast<double>(infinity), 1e40}) {
    LinearNet net;
    const Schedule schedule = [factor](std::int64_t step) { return step == 2 ? factor : 1.0; };
    Sgd sgd({.lr = 0.1, .momentum = 0.9, .schedule = schedule});
    Adam adam({.lr = 0.1, .schedule = schedule});
    for (Optimizer* optimizer : {static_cast<Optimizer*>(&sgd), static_cast<Optimizer*>(&adam)}) {
      Trainer trainer(net, *optimizer, step_of(net), data.spec(),
                      {.batch = 10, .device = Device::cpu(), .on_non_finite = OnNonFinite::skip});
      trainer.step(data);
      trainer.step(data);
      const std::string before = trainer.weights_hash();
      for (int again = 0; again < 2; ++again)
        expect_parts_of(message_of<NumericError>([&] { trainer.step(data); }), {"'lr' is ", "step 2 is not taken"});
      EXPECT_EQ(trainer.weights_hash(), before);
      EXPECT_THROW(trainer.skip_batch(), UsageError);  // it is not the batch's fault
    }
  }
}

/// SGD that gives these scalars for every step, whatever it declares.
class WithScalars final : public Optimizer {
 public:
  explicit WithScalars(std::vector<std::pair<std::string, double>> scalars) : scalars_(std::move(scalars)) {}
  void update(Graph& graph, std::span<const Trained> trained) const override { Sgd({.lr = 1}).update(graph, trained); }
  std::vector<std::pair<std::string, double>> scalars(std::int64_t) const override { return scalars_; }
  std::string str() const override { return "sgd with other scalars"; }

 private:
  std::vector<std::pair<std::string, double>> scalars_;
};

TEST_F(BadNumbers, AStepWithAMissingUnknownOrDoubleScalarIsNotTaken) {
  const TensorDataset data = linear_data(20);
  struct Case {
    std::vector<std::pair<std::string, double>> scalars;
    std::initializer_list<std::string> parts;
  };
  const Case cases[] = {
      {{}, {"nobody sets the scalar 'lr'", "step 0 is not taken"}},
      {{{"lr", 0.1}, {"rate", 0.1}}, {"'rate'", "no part of the step reads", "step 0 is not taken", "declares", "lr"}},
      {{{"rate", 0.1}}, {"'rate'", "step 0 is not taken"}},
      {{{"lr", 0.1}, {"n", 3}}, {"'n'", "step 0 is not taken"}},
      {{{"lr", 0.1}, {"lr", 0.2}}, {"'lr' twice", "step 0 is not taken"}}};
  for (const Case& c : cases) {
    WithScalars optimizer(c.scalars);
    LinearNet net;
    Trainer trainer(net, optimizer, step_of(net), data.spec(), {.batch = 10, .device = Device::cpu()});
    const std::string before = trainer.weights_hash();
    for (int time = 0; time < 2; ++time) expect_parts_of(message_of<UsageError>([&] { trainer.step(data); }), c.parts);
    EXPECT_EQ(trainer.weights_hash(), before);
    EXPECT_THROW(trainer.skip_batch(), UsageError);  // it is not the batch's fault
  }
}

TEST_F(BadNumbers, AStepWithAScalarThatIsNotFiniteInF32IsNotTaken) {
  const TensorDataset data = linear_data(20);
  for (const double number : {std::nan(""), static_cast<double>(infinity), -static_cast<double>(infinity), 1e40}) {
    WithScalars optimizer({{"lr", number}});
    LinearNet net;
    Trainer trainer(net, optimizer, step_of(net), data.spec(), {.batch = 10, .device = Device::cpu()});
    const std::string before = trainer.weights_hash();
    expect_parts_of(message_of<NumericError>([&] { trainer.step(data); }),
                    {"the optimizer's scalar 'lr' is ", "step 0 is not taken"});
    EXPECT_EQ(trainer.weights_hash(), before);
  }
}

TEST_F(BadNumbers, AScalarThatOnlyTrainingSetsIsRefusedInAnEvaluation) {
  const TensorDataset data = linear_data(20);
  Sgd sgd({.lr = 0.1});
  const StepFunction own = step_of(net_);
  const StepFunction step = [&](const Batch& batch) {
    const Var loss = own(batch);
    return mul(loss, loss.graph().scalar("lr"));
  };
  Trainer trainer(net_, sgd, step, data.spec(), {.batch = 10, .device = Device::cpu()});
  EXPECT_EQ(trainer.step(data).step, 1);
  expect_parts_of(message_of<UsageError>([&] { trainer.evaluate(data); }), {"evaluate", "'lr'"});
  expect_parts_of(message_of<UsageError>([&] { trainer.predict(data, "losses"); }), {"predict", "'lr'"});
}

// --- Labels

TEST_F(BadNumbers, ALabelThatIsNoClassIsNamedBeforeAnythingIsTrained) {
  for (const std::int32_t label : {4, -1, std::numeric_limits<std::int32_t>::max()}) {
    LinearNet net;
    const TensorDataset data = changed_data(40, {.labels = {{17, label}}});
    Trainer trainer(net, sgd_, step_of(net), data.spec(),
                    {.batch = 10, .micro_batch = 3, .device = Device::cpu(), .shuffle = false});
    trainer.step(data);
    const std::string before = trainer.weights_hash();
    for (int again = 0; again < 2; ++again)
      expect_parts_of(
          message_of<DataError>([&] { trainer.step(data); }),
          {"field 'label'", "sample 17", "'changed'", "epoch 0, position 17", "got " + std::to_string(label),
           "expected 0 to 3, or -100 (ignored): the logits have 4 classes", "(correct in layer accuracy)"});
    EXPECT_EQ(trainer.weights_hash(), before);
    trainer.skip_batch();
    EXPECT_EQ(trainer.step(data).step, 2);
    expect_parts_of(message_of<DataError>([&] { trainer.evaluate(data); }), {"field 'label'", "sample 17"});
    expect_parts_of(message_of<DataError>([&] { trainer.predict(data, "losses"); }), {"field 'label'", "sample 17"});
  }
}

TEST_F(BadNumbers, ALabelThatAPredictionDoesNotReadIsNoneOfItsBusiness) {
  const TensorDataset data = changed_data(40, {.labels = {{17, 9}}});
  const StepFunction step = [&](const Batch& b) {
    b.output("logits", net_(b["x"]));
    return cross_entropy(net_(b["x"]), b["label"]);
  };
  Trainer trainer(net_, sgd_, step, data.spec(), {.batch = 10, .device = Device::cpu()});
  EXPECT_NO_THROW(trainer.predict(data, "logits"));
}

TEST_F(BadNumbers, AShuffledLabelIsNamedByItsIndex) {
  const TensorDataset data = changed_data(40, {.labels = {{17, 9}}});
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(), {.batch = 10, .micro_batch = 3, .device = Device::cpu()});
  expect_parts_of(message_of<DataError>([&] { trainer.run_epoch(data); }), {"sample 17"});
}

TEST_F(BadNumbers, ALabelIsCheckedByAllWhoReadIt) {
  const TensorDataset data = changed_data(20, {.labels = {{4, 255}}});
  const auto step = [&](int ignored_by_accuracy) {
    return [this, ignored_by_accuracy](const Batch& b) {
      const Var logits = net_(b["x"]);
      b.output("accuracy", accuracy(logits, b["label"], {.ignore_index = ignored_by_accuracy}));
      return cross_entropy(logits, b["label"], {.ignore_index = 255});
    };
  };
  const TensorDataset ignoring = changed_data(20, [] {
    Changed all;
    for (std::int64_t i = 0; i < 20; ++i) all.labels[i] = i % 2 ? 255 : 1;
    return all;
  }());
  {
    Trainer trainer(net_, sgd_, step(255), ignoring.spec(), {.batch = 10, .device = Device::cpu()});
    EXPECT_NO_THROW(trainer.run_epoch(ignoring));
  }
  Trainer trainer(net_, sgd_, step(7), ignoring.spec(), {.batch = 10, .device = Device::cpu()});
  expect_parts_of(message_of<DataError>([&] { trainer.run_epoch(ignoring); }), {"got 255", "or 7", "correct"});
}

// --- Inputs

TEST_F(BadNumbers, OfAnInputAreToldWithFieldAndSample) {
  for (const Device device : {Device::cpu(), Device::reference()})
    for (const float bad : {nan, infinity}) {
      LinearNet net;
      const TensorDataset data = changed_data(40, {.labels = {{17, 2}}, .x = {{17, bad}}});
      Trainer trainer(net, sgd_, step_of(net), data.spec(),
                      {.batch = 10, .micro_batch = 3, .device = device, .shuffle = false});
      trainer.step(data);
      const std::vector<std::string> told = {"sample 17 (epoch 0, position 17)", std::isnan(bad) ? "nan" : "inf",
                                             "field 'x', element 4", "first seen in stage 0, micro-batch"};
      for (const std::string& text : {message_of<NumericError>([&] { trainer.step(data); }),
                                      message_of<NumericError>([&] { trainer.evaluate(data); })})
        for (const std::string& part : told) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
    }
}

TEST_F(BadNumbers, OfASampleWeightAreToldWithIt) {
  const TensorDataset data = changed_data(20, {.labels = {{13, 1}}, .weights = {{13, nan}}});
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(),
                  {.batch = 20, .micro_batch = 6, .device = Device::cpu(), .shuffle = false});
  expect_parts_of(message_of<NumericError>([&] { trainer.step(data); }), {"sample 13", "field 'weight'"});
}

TEST_F(BadNumbers, AnInputThatIsNotToBlameIsNotBlamed) {
  // The NaN belongs to an ignored sample; the weights of the logical batch are 0.
  Changed changed{.x = {{3, nan}}};
  for (std::int64_t i = 0; i < 20; ++i) changed.weights[i] = 0;
  const TensorDataset data = changed_data(20, changed);
  Trainer trainer(net_, sgd_,
                  [&](const Batch& b) { return cross_entropy(net_(b["x"]), b["label"], {}, {}, b["weight"]); },
                  data.spec(), {.batch = 20, .micro_batch = 6, .device = Device::cpu(), .shuffle = false});
  const std::string text = message_of<NumericError>([&] { trainer.step(data); });
  expect_parts_of(text, {"total weight of the logical batch is 0"});
  EXPECT_EQ(text.find("field"), std::string::npos) << text;
}

TEST_F(BadNumbers, OfTheNextBatchAreNotToldInThisOnesPlace) {
  // The next batch is on its way already when this one is looked at again.
  const TensorDataset data = changed_data(40, {.labels = {{2, 1}, {12, 9}}, .x = {{2, nan}}});
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(),
                  {.batch = 10, .micro_batch = 10, .device = Device::cpu(), .shuffle = false});
  expect_parts_of(message_of<NumericError>([&] { trainer.run_epoch(data); }), {"sample 2 ", "field 'x'"});
  trainer.skip_batch();
  expect_parts_of(message_of<DataError>([&] { trainer.run_epoch(data); }), {"sample 12 "});
}

// --- Going on

TEST_F(BadNumbers, OfALogicalBatchCanBeSkipped) {
  const TensorDataset data = changed_data(40, {.labels = {{17, 1}}, .x = {{17, nan}}});
  std::vector<std::int64_t> scheduled;
  Sgd sgd({.lr = 0.1, .schedule = [&](std::int64_t step) {
             scheduled.push_back(step);
             return 1.0;
           }});
  Trainer trainer(net_, sgd, step_of(net_), data.spec(),
                  {.batch = 10, .micro_batch = 3, .device = Device::cpu(), .shuffle = false});
  EXPECT_THROW(trainer.skip_batch(), UsageError);
  trainer.step(data);
  EXPECT_THROW(trainer.skip_batch(), UsageError);
  const std::string before = trainer.weights_hash();
  for (int again = 0; again < 2; ++again) EXPECT_THROW(trainer.step(data), NumericError);
  trainer.skip_batch();
  EXPECT_EQ(trainer.weights_hash(), before);
  EXPECT_THROW(trainer.skip_batch(), UsageError);
  const Result rest = trainer.run_epoch(data);
  EXPECT_EQ(rest.samples, 20);
  EXPECT_EQ(rest.step, 3);
  EXPECT_EQ(rest.epoch, 0);
  EXPECT_EQ(scheduled, (std::vector<std::int64_t>{0, 1, 1, 1, 2}));

  // As if the batch had not been there.
  LinearNet other;
  const TensorDataset without = without_samples(data, 10, 10);
  Trainer clean(other, sgd, step_of(other), without.spec(),
                {.batch = 10, .micro_batch = 3, .device = Device::cpu(), .shuffle = false});
  clean.run_epoch(without);
  EXPECT_EQ(trainer.weights_hash(), clean.weights_hash());
}

TEST_F(BadNumbers, OfTheLastLogicalBatchSkippedBeginTheNextEpoch) {
  const TensorDataset data = changed_data(40, {.labels = {{37, 1}}, .x = {{37, nan}}});
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(), {.batch = 15, .device = Device::cpu(), .shuffle = false});
  EXPECT_THROW(trainer.run_epoch(data), NumericError);
  trainer.skip_batch();
  EXPECT_EQ(trainer.step(data).epoch, 1);
}

TEST_F(BadNumbers, AreLeftOutByPolicyAndCounted) {
  const TensorDataset data = changed_data(40, {.labels = {{17, 1}, {33, 1}}, .x = {{17, nan}, {33, infinity}}});
  LinearNet by_hand;
  const TrainerOptions options{.batch = 10, .micro_batch = 3, .device = Device::cpu(), .shuffle = false};
  Trainer hand(by_hand, sgd_, step_of(by_hand), data.spec(), options);
  TrainerOptions skipping = options;
  skipping.on_non_finite = OnNonFinite::skip;
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(), skipping);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<Result> steps;
    for (int i = 0; i < 4; ++i) {
      if (i % 2 == 0) {
        steps.push_back(hand.step(data));
      } else {
        EXPECT_THROW(hand.step(data), NumericError);
        hand.skip_batch();
      }
    }
    const Result result = trainer.run_epoch(data);
    EXPECT_EQ(result.skipped, 2);
    EXPECT_EQ(result.samples, 20);
    EXPECT_EQ(result.step, 2 * (epoch + 1));
    EXPECT_EQ(result.epoch, epoch);
    EXPECT_TRUE(std::isfinite(result.loss));
    EXPECT_GE(result.loss, std::min(steps[0].loss, steps[1].loss));
    EXPECT_LE(result.loss, std::max(steps[0].loss, steps[1].loss));
    EXPECT_EQ(trainer.weights_hash(), hand.weights_hash());
    std::ostringstream text;
    text << result;
    expect_parts_of(text.str(), {"2 logical batches skipped"});
  }
  EXPECT_EQ(trainer.step(data).skipped, 0);
  const Result skipped = trainer.step(data);
  EXPECT_EQ(skipped.skipped, 1);
  EXPECT_EQ(skipped.samples, 0);
  EXPECT_TRUE(std::isnan(skipped.loss));
}

TEST_F(BadNumbers, OfABatchThatWeighsNothingAreLeftOutByPolicyToo) {
  Changed changed;
  for (std::int64_t i = 10; i < 20; ++i) changed.weights[i] = 0;
  const TensorDataset data = changed_data(40, changed);
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(),
                  {.batch = 10,
                   .device = Device::cpu(),
                   .shuffle = false,
                   .on_non_finite = OnNonFinite::skip,
                   .evaluation = data.spec()});
  const Result result = trainer.run_epoch(data);
  EXPECT_EQ(result.skipped, 1);
  EXPECT_TRUE(std::isfinite(result.loss));
}

TEST_F(BadNumbers, AreNotSkippedWhereTheDataAreWrong) {
  const TensorDataset data = changed_data(40, {.labels = {{17, 9}}});
  Trainer trainer(net_, sgd_, step_of(net_), data.spec(),
                  {.batch = 10, .device = Device::cpu(), .on_non_finite = OnNonFinite::skip});
  EXPECT_THROW(trainer.run_epoch(data), DataError);
}

TEST_F(BadNumbers, OfAMetricAloneAreReportedAndStopNothing) {
  // No counted label for the metric in the first batch: 0/0 there, and not in the epoch's total.
  Changed changed;
  for (std::int64_t i = 0; i < 10; ++i) changed.labels[i] = -100;
  const TensorDataset data = changed_data(20, changed);
  const StepFunction step = [&](const Batch& b) {
    const Var logits = net_(b["x"]);
    b.output("accuracy", accuracy(logits, b["label"]));
    return cross_entropy(logits, b["second"]);
  };
  Trainer trainer(net_, sgd_, step, data.spec(), {.batch = 10, .device = Device::cpu(), .shuffle = false});
  EXPECT_TRUE(std::isfinite(trainer.run_epoch(data).metrics.at("accuracy")));
  EXPECT_TRUE(std::isnan(trainer.step(data).metrics.at("accuracy")));
  EXPECT_TRUE(std::isfinite(trainer.step(data).metrics.at("accuracy")));
}

}  // namespace
}  // namespace sluice::test
