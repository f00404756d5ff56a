#include <cmath>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"

namespace sluice::test {
namespace {

/// Plain gradient descent with momentum, to see parameters move.
class Descent final : public Optimizer {
 public:
  void update(Graph& graph, std::span<const Trained> trained) const override {
    std::vector<Var> values, gradients, velocities;
    for (const Trained& t : trained) {
      values.push_back(t.value);
      gradients.push_back(t.gradient);
      velocities.push_back(graph.state("velocity", t.parameter));
    }
    sgd_update(values, gradients, velocities, graph.scalar("lr"), {.momentum = 0.9f});
  }
  std::vector<std::pair<std::string, double>> scalars(std::int64_t) const override { return {{"lr", 0.05}}; }
  std::string str() const override { return "descent"; }
};

StepFunction step_of(SmallNet& net) {
  return [&net](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("logits", logits);
    b.output("correct", div(batch_sum(correct(logits, b["label"])), batch_sum(cross_entropy_weight(b["label"]))));
    return mean_cross_entropy(logits, b["label"]);
  };
}

TEST(Trainer, LearnsAndKeepsTheSameWeightsForEverySplitOfTheSameSize) {
  const TensorDataset data = small_data(90, 3);
  double first = 0, last = 0;
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 40, .micro_batch = 7, .device = Device::cpu()});
  for (int epoch = 0; epoch < 30; ++epoch) {
    const Result result = trainer.run_epoch(data);
    EXPECT_EQ(result.samples, 90);  // the partial logical batch of 10 is trained too
    (epoch ? last : first) = result.loss;
  }
  EXPECT_LT(last, 0.6 * first);
  EXPECT_EQ(trainer.run_epoch(data).step, 31 * 3);
}

TEST(Trainer, IsDeterministic) {
  const TensorDataset data = small_data(90, 3);
  std::vector<std::string> hashes;
  for (const unsigned char poison : {std::uint8_t{0}, std::uint8_t{0xFF}, std::uint8_t{0x5A}}) {
    SmallNet net;
    Descent descent;
    Trainer trainer(net, descent, step_of(net), data.spec(),
                    {.batch = 40, .micro_batch = 7, .device = Device::cpu(), .poison = poison});
    trainer.run_epoch(data);
    trainer.evaluate(data);
    trainer.run_epoch(data);
    hashes.push_back(trainer.plan().hash + trainer.weights_hash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(hashes[0], hashes[2]);
}

TEST(Trainer, StepByStepEqualsEpochByEpoch) {
  const TensorDataset data = small_data(90, 3);
  SmallNet a, b;
  Descent descent;
  Trainer by_epoch(a, descent, step_of(a), data.spec(), {.batch = 40, .micro_batch = 7, .device = Device::cpu()});
  Trainer by_step(b, descent, step_of(b), data.spec(), {.batch = 40, .micro_batch = 7, .device = Device::cpu()});
  by_epoch.run_epoch(data);
  by_epoch.run_epoch(data);
  for (int i = 0; i < 6; ++i) by_step.step(data);
  EXPECT_EQ(by_epoch.weights_hash(), by_step.weights_hash());
}

TEST(Trainer, PredictsAndEvaluatesAsEvaluateSays) {
  const TensorDataset data = small_data(50, 4);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 20, .micro_batch = 7, .device = Device::cpu()});
  trainer.run_epoch(data);
  const Tensor logits = trainer.predict(data, "logits");
  ASSERT_EQ(logits.shape(), (Shape{50, SmallNet::classes}));

  Tensor images({50, 2, 8, 8}), labels({50}, DType::i32);
  for (std::int64_t i = 0; i < 50; ++i) {
    data.read(i, 0, images.values<float>().data() + i * 128);
    data.read(i, 1, labels.values<std::int32_t>().data() + i);
  }
  net.set_training(false);
  Graph graph;
  const Var out = net(graph.input("image", {2, 8, 8}));
  const Var loss = mean_cross_entropy(out, graph.input("label", {}, DType::i32));
  const auto direct = evaluate(std::vector<Var>{out, loss}, {{"image", images}, {"label", labels}});
  EXPECT_LE(relative_error(logits, direct[0]), 1e-5);
  net.set_training(true);
  const Result result = trainer.evaluate(data);
  EXPECT_NEAR(result.loss, doubles(direct[1])[0], 1e-5);
  EXPECT_GE(result.metrics.at("correct"), 0);
  EXPECT_LE(result.metrics.at("correct"), 1);
}

TEST(Trainer, StaysWithinItsBudgetAndPicksTheLargestMicroBatch) {
  const TensorDataset data = small_data(90, 0);
  SmallNet net;
  Descent descent;
  const auto plan_of = [&](std::int64_t micro_batch, std::size_t budget) {
    return Trainer(net, descent, step_of(net), data.spec(),
                   {.batch = 90,
                    .micro_batch = micro_batch,
                    .budget = budget,
                    .device = Device::cpu(),
                    .recompute = Recompute::none})
        .plan();
  };
  for (const std::size_t budget : {70'000u, 120'000u, 250'000u}) {
    const Plan plan = plan_of(0, budget);
    EXPECT_LE(plan.planned_peak_bytes(), budget);
    ASSERT_GE(plan.micro_batch, 1);
    const std::string refused = message_of<OutOfMemory>(
        [&] { plan_of(MicroBatches(90, plan.micro_batch).replays > 1 ? 90 / (plan.replays - 1) + 1 : 90, budget); });
    expect_parts_of(refused, {"does not fit", "predicted peak", "largest micro-batch that fits is"});
  }
  EXPECT_EQ(plan_of(0, 0).replays, 1);  // no budget: the whole batch
}

TEST(Trainer, SaysTheSmallestFeasibleBudget) {
  const TensorDataset data = small_data(90, 0);
  SmallNet net;
  Descent descent;
  const auto trainer = [&](std::size_t budget) {
    Trainer(net, descent, step_of(net), data.spec(), {.batch = 90, .budget = budget, .device = Device::cpu()});
  };
  const std::string text = message_of<OutOfMemory>([&] { trainer(1000); });
  expect_parts_of(text, {"smallest feasible budget is "});
  const std::size_t at = text.find("budget is ", text.find("feasible")) + 10;
  const std::size_t feasible = std::stoul(text.substr(at));
  EXPECT_NO_THROW(trainer(feasible));
  EXPECT_THROW(trainer(feasible - 1), OutOfMemory);
}

TEST(Trainer, RefusesAModelThatChangedAfterPlanning) {
  const TensorDataset data = small_data(30, 0);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 30, .device = Device::cpu()});
  trainer.step(data);
  net.dropout_rate = 0.5f;
  expect_parts_of(message_of<UsageError>([&] { trainer.run_epoch(data); }), {"changed after planning"});
  note_model_change();  // without it, steps do not look at what a module of one's own has changed
  expect_parts_of(message_of<UsageError>([&] { trainer.step(data); }), {"changed after planning"});
  net.dropout_rate = 0.3f;
  EXPECT_NO_THROW(trainer.step(data));
  net.set_training(false);
  EXPECT_THROW(trainer.step(data), UsageError);
  net.set_training(true);
  all_parameters(net)[0].set_trainable(false);
  EXPECT_THROW(trainer.step(data), UsageError);
}

TEST(Trainer, FrozenParametersStayAndCostNothing) {
  const TensorDataset data = small_data(30, 0);
  SmallNet net;
  Descent descent;
  const std::size_t free = Trainer(net, descent, step_of(net), data.spec(), {.batch = 30, .device = Device::cpu()})
                               .plan()
                               .planned_peak_bytes();
  std::vector<Parameter> parameters = all_parameters(net);
  parameters[0].set_trainable(false);
  parameters[1].set_trainable(false);
  const std::vector<double> before = doubles(parameters[0].read());
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 30, .device = Device::cpu()});
  EXPECT_LT(trainer.plan().planned_peak_bytes(), free);
  trainer.step(data);
  EXPECT_EQ(doubles(parameters[0].read()), before);
  EXPECT_THROW(trainer.gradient(parameters[0]), UsageError);
}

TEST(Trainer, ParametersCanBeReadAndWrittenWhereverTheyLive) {
  const TensorDataset data = small_data(30, 0);
  SmallNet net;
  Descent descent;
  Parameter weight = all_parameters(net)[2];
  {
    Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 30, .device = Device::cpu()});
    trainer.step(data);
    const Tensor trained = weight.read();
    Tensor other(weight.shape());
    weight.write(other);
    EXPECT_EQ(doubles(weight.read()), doubles(other));
    weight.write(trained);
    Trainer second(net, descent, step_of(net), data.spec(), {.batch = 30, .device = Device::cpu()});
    expect_parts_of(message_of<UsageError>([&] { second.step(data); }),
                    {"bound to another trainer", "end the scope of the other first", "predict() of the Trainer"});
  }
  const Tensor back = weight.read();
  EXPECT_EQ(weight.data()->home, nullptr);
  EXPECT_GT(std::abs(doubles(back)[0]), 0);
}

TEST(Trainer, StopsAtANonFiniteValueAndNamesIt) {
  TensorDataset data = [] {
    Tensor images = random_tensor({30, 2, 8, 8}, DType::f32, -1, 1, 3);
    images.values<float>()[128 * 17 + 5] = std::numeric_limits<float>::quiet_NaN();
    return TensorDataset("nan", {{"image", images}, {"label", random_tensor({30}, DType::i32, 0, 4, 4)}});
  }();
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(),
                  {.batch = 30, .micro_batch = 5, .device = Device::cpu(), .shuffle = false});
  const std::vector<double> before = doubles(all_parameters(net)[0].read());
  expect_parts_of(message_of<NumericError>([&] { trainer.step(data); }),
                  {"step 0", "micro-batch 3", "conv2d", "; the parameters are unchanged; ", "smaller learning rate",
                   "OnNonFinite::skip"});
  EXPECT_EQ(doubles(all_parameters(net)[0].read()), before);  // nothing is lost
}

TEST(Trainer, NamesALogicalBatchOfNoWeight) {
  const TensorDataset data = small_data(20, 20);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 20, .micro_batch = 5, .device = Device::cpu()});
  expect_parts_of(message_of<NumericError>([&] { trainer.step(data); }),
                  {"step 0", "total weight of the logical batch is 0"});
}

TEST(Trainer, EvaluatesMetricsOfParametersThatLieBlocked) {
  // The convolution wants its weight blocked, the metric wants it plain: it must be today's weight.
  const TensorDataset data = small_data(40, 0);
  SmallNet net;
  Parameter weight = all_parameters(net)[0];
  Descent descent;
  const StepFunction step = [&](const Batch& b) {
    const Var w = b["image"].graph().parameter(weight);
    if (!net.training())
      b.output("norm", sum_per_sample(mul(reshape(w, {w.shape().elements()}), reshape(w, {w.shape().elements()}))));
    return mean_cross_entropy(net(b["image"]), b["label"]);
  };
  Trainer trainer(net, descent, step, data.spec(),
                  {.batch = 40, .micro_batch = 20, .device = Device::cpu(), .verify_memory = true});
  for (int i = 0; i < 3; ++i) {
    double norm = 0;
    for (const double w : doubles(weight.read())) norm += w * w;
    EXPECT_NEAR(trainer.evaluate(data).metrics.at("norm"), norm, 1e-5 * norm);
    trainer.step(data);
  }
}

TEST(Trainer, RefusesEvaluationDataOfAnotherShape) {
  const TensorDataset data = small_data(20, 0);
  DataSpec other = data.spec();
  other.fields[0].shape = {2, 16, 16};
  SmallNet net;
  Descent descent;
  expect_parts_of(message_of<UsageError>([&] {
                    Trainer(net, descent, step_of(net), data.spec(),
                            {.batch = 20, .device = Device::cpu(), .evaluation = other});
                  }),
                  {"trainer: evaluation: field 'image' of data set small differs from the one planned for (small)",
                   "got f32[2,16,16]; expected f32[2,8,8]"});
}

TEST(Trainer, NamesTheFieldThatIsNotAsPlanned) {
  const auto images = [](std::int64_t n, std::vector<double> mean, std::vector<double> std, std::int64_t size = 8) {
    return TensorDataset::Field("image", random_tensor({n, 2, size, size}, DType::u8, 0, 255, 7), std::move(mean),
                                std::move(std));
  };
  const auto labels = [](std::int64_t n) {
    return TensorDataset::Field("label", random_tensor({n}, DType::i32, 0, SmallNet::classes - 1, 8));
  };
  const TensorDataset data("planned", {images(20, {0.5, 0.25}, {0.1, 0.2}), labels(20)});
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
  const auto refusals = [&](const Dataset& other) {
    return std::vector<std::string>{message_of<UsageError>([&] { trainer.step(other); }),
                                    message_of<UsageError>([&] { trainer.run_epoch(other); }),
                                    message_of<UsageError>([&] { trainer.evaluate(other); })};
  };
  for (const std::string& text : refusals(TensorDataset("other", {images(20, {0.5, 0.5}, {0.1, 0.2}), labels(20)})))
    expect_parts_of(text, {": field 'image' of data set other differs from the one planned for (planned)",
                           "got u8[2,8,8] with mean [0.5,0.5] and std [0.1,0.2]; expected u8[2,8,8] with mean "
                           "[0.5,0.25] and std [0.1,0.2]"});
  for (const std::string& text : refusals(TensorDataset("other", {images(20, {}, {}), labels(20)})))
    expect_parts_of(text, {"got u8[2,8,8] without mean and std; expected u8[2,8,8] with mean [0.5,0.25]"});
  // The fields come first: another number of samples would hide them.
  for (const std::int64_t n : {20, 21}) {
    for (const std::string& text : refusals(TensorDataset("other", {images(n, {0.5, 0.25}, {0.1, 0.2})})))
      expect_parts_of(text, {"data set other has no field 'label'; got image; expected", "(planned): i32[]"});
    for (const std::string& text : refusals(TensorDataset("other", {images(n, {0.5, 0.25}, {0.1, 0.2}, 9), labels(n)})))
      expect_parts_of(text, {"field 'image'", "got u8[2,9,9]; expected u8[2,8,8]"});
  }
  const TensorDataset more("other", {images(20, {0.5, 0.25}, {0.1, 0.2}), labels(20), {"extra", Tensor({20})}});
  expect_parts_of(message_of<UsageError>([&] { trainer.step(more); }),
                  {"train: data set other has other fields", "got image, label, extra; expected image, label"});
  const TensorDataset longer("other", {images(21, {0.5, 0.25}, {0.1, 0.2}), labels(21)});
  expect_parts_of(message_of<UsageError>([&] { trainer.step(longer); }),
                  {"got 21 samples in data set other; expected the 20 planned for (planned)", "make another Trainer"});
}

TEST(Trainer, SaysWhatTheStepFunctionShouldReturn) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  Descent descent;
  const auto train = [&](const StepFunction& step) {
    Trainer(net, descent, step, data.spec(), {.batch = 20, .device = Device::cpu()});
  };
  expect_parts_of(message_of<ShapeError>([&] { train([&](const Batch& b) { return net(b["image"]); }); }),
                  {"trainer: the step function returned no batch scalar; got f32[N,5]; expected the loss, f32[]"});
  expect_parts_of(message_of<UsageError>([&] { train([](const Batch&) { return Var(); }); }),
                  {"trainer: the step function returned an empty Var; expected the loss"});
}

TEST(Trainer, TellsOutputsOfSamplesFromMetrics) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
  EXPECT_EQ(message_of<UsageError>([&] { trainer.predict(data, "correct"); }),
            "predict: 'correct' is a metric of the whole batch; evaluate() gives it; expected one of: logits");
}

TEST(Trainer, HasNoGradientBeforeAStepAndTakesWrittenParametersInVerifyMode) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  Parameter weight = all_parameters(net)[2];
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(),
                  {.batch = 20, .device = Device::cpu(), .verify_memory = true});
  trainer.evaluate(data);
  EXPECT_THROW(trainer.gradient(weight), UsageError);
  trainer.step(data);
  EXPECT_NO_THROW(trainer.gradient(weight));
  weight.write(Tensor(weight.shape()));
  EXPECT_NO_THROW(trainer.step(data));
}

TEST(Trainer, ClearingGradientsInTheUpdateChangesNothing) {
  const TensorDataset data = small_data(20, 0);
  Tensor broken_images = random_tensor({20, 2, 8, 8}, DType::f32, -1, 1, 7);
  broken_images.values<float>()[0] = std::numeric_limits<float>::infinity();
  const Tensor labels = random_tensor({20}, DType::i32, 0, 4, 8);
  const TensorDataset broken("broken", {{"image", broken_images}, {"label", labels}, {"second", labels}});
  register_reference_device();
  for (const Device device : {Device::reference(), Device::cpu()})
    for (const bool with_sgd : {false, true}) {
      std::vector<std::string> hashes;
      for (const bool keep : {false, true}) {
        SmallNet net;
        Sgd sgd({.lr = 0.1, .momentum = 0.9});
        Adam adam({.lr = 0.01});
        Optimizer& optimizer = with_sgd ? static_cast<Optimizer&>(sgd) : adam;
        Trainer trainer(
            net, optimizer, step_of(net), data.spec(),
            {.batch = 10, .micro_batch = 3, .device = device, .verify_memory = true, .keep_gradients = keep});
        trainer.step(data);
        if (keep)
          EXPECT_GT(relative_error(trainer.gradient(all_parameters(net)[0]), Tensor(all_parameters(net)[0].shape())),
                    0);
        else
          expect_parts_of(message_of<UsageError>([&] { trainer.gradient(all_parameters(net)[0]); }),
                          {"keep_gradients"});
        EXPECT_THROW(trainer.step(broken), NumericError);  // half-made sums must not reach the next step
        trainer.step(data);
        hashes.push_back(trainer.weights_hash());
      }
      EXPECT_EQ(hashes[0], hashes[1]) << device.str();
    }
}

TEST(Trainer, ChecksItsOptions) {
  const TensorDataset data = small_data(20, 0), other = small_data(21, 0);
  SmallNet net;
  Descent descent;
  const auto make = [&](TrainerOptions options) {
    options.device = Device::cpu();
    Trainer(net, descent, step_of(net), data.spec(), options);
  };
  expect_parts_of(message_of<UsageError>([&] { make({.batch = 0}); }), {"batch is 0"});
  expect_parts_of(message_of<UsageError>([&] { make({.batch = 5, .micro_batch = -1}); }), {"micro_batch is -1"});
  expect_parts_of(message_of<UsageError>([&] { make({.batch = 5, .threads = -2}); }), {"threads is -2"});
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 5, .device = Device::cpu()});
  expect_parts_of(message_of<UsageError>([&] { trainer.step(other); }), {"21 samples", "the 20 planned for"});
  expect_parts_of(message_of<UsageError>([&] { trainer.predict(data, "nothing"); }), {"nothing", "logits"});
  expect_parts_of(message_of<UsageError>([&] {
                    Trainer(net, descent,
                            [&](const Batch& b) { return mean_cross_entropy(net(b["picture"]), b["label"]); },
                            data.spec(), {.batch = 5, .device = Device::cpu()});
                  }),
                  {"no field 'picture'", "image", "label"});
}

TEST(Trainer, TakesABatchLargerThanTheDataAsOneStepAnEpoch) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 64, .device = Device::cpu()});
  EXPECT_EQ(trainer.plan().steps_per_epoch, 1);
  std::ostringstream text;
  text << trainer.plan();
  expect_parts_of(text.str(), {"larger than the data set: one step an epoch"});
  EXPECT_EQ(trainer.run_epoch(data).step, 1);
}

TEST(Trainer, StopLeavesNoTraceOfTheUnfinishedStep) {
  const TensorDataset data = small_data(40, 0);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 40, .micro_batch = 10, .device = Device::cpu()});
  trainer.step(data);
  const std::string before = trainer.weights_hash();
  int replays = 0;
  trainer.on_progress([&](const Progress& progress) {
    EXPECT_EQ(progress.replays, 4);
    if (++replays == 2) trainer.stop();
  });
  const Result result = trainer.run_epoch(data);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(replays, 2);
  EXPECT_EQ(trainer.weights_hash(), before);
  EXPECT_FALSE(trainer.run_epoch(data).stopped);
}

TEST(Trainer, RefusesToRunWhileItRuns) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  Descent descent;
  Trainer trainer(net, descent, step_of(net), data.spec(), {.batch = 20, .micro_batch = 10, .device = Device::cpu()});
  int refused = 0;
  trainer.on_progress([&](const Progress&) {
    for (const std::function<void()>& call : std::vector<std::function<void()>>{
             [&] { trainer.step(data); }, [&] { trainer.run_epoch(data); }, [&] { trainer.evaluate(data); },
             [&] { trainer.predict(data, "logits"); }, [&] { trainer.skip_batch(); }}) {
      EXPECT_THROW(call(), UsageError);
      ++refused;
    }
  });
  trainer.run_epoch(data);
  EXPECT_EQ(refused, 2 * 5);
  trainer.on_progress({});
  EXPECT_NO_THROW(trainer.evaluate(data));
}

}  // namespace
}  // namespace sluice::test
