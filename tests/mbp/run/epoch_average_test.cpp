// Loss and metrics of an epoch are those that an evaluation of the same samples gives.

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/reduce/reduce_mean.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/softmax/softmax.h>
#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/losses.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"

namespace sluice::test {
namespace {

/// Σ_n Σ_c of a sample value.
Var total(Var x) { return batch_sum(sum_per_sample(x)); }

/// A soft Dice loss over the whole batch, of the probabilities and their squares.
Var dice(Var logits, Var other) {
  const Var p = softmax(logits), q = softmax(other);
  return div(scale(total(mul(p, q)), -2), add(total(mul(p, p)), total(mul(q, q))));
}

/// Losses and metrics of every kind: the first is the loss.
StepFunction many_numbers(LinearNet& net, const Parameter& class_weights) {
  return [&net, &class_weights](const Batch& b) {
    const Var x = b["x"], label = b["label"], second = b["second"], logits = net(x);
    Graph& graph = x.graph();
    const Var n = graph.sample_count(), w = graph.parameter(net.weight), gain = graph.parameter(net.bias);
    const Var weights = graph.parameter(class_weights);
    const Var loss = cross_entropy(logits, label);
    const Var sums = batch_sum(cross_entropy_loss(logits, label)), counted = batch_sum(cross_entropy_weight(label));
    const Var mean_logits = div(batch_sum(logits), n);
    const Var decay = scale(sum_per_sample(mul(w, w)), 1e-3);

    b.output("accuracy", accuracy(logits, label));
    b.output("correct", batch_sum(correct(logits, label)));
    b.output("weighted", cross_entropy(logits, second, {}, weights, b["weight"]));
    b.output("two denominators", add(loss, scale(cross_entropy(logits, second), 0.5)));
    b.output("smoothed", add(scale(loss, 0.9), div(total(mul(logits, logits)), n)));
    b.output("dice", dice(logits, scale(logits, 0.3)));
    b.output("divided early", batch_sum(mul(cross_entropy_loss(logits, label), div(graph.constant(1), counted))));
    b.output("divided by n early", add(loss, batch_sum(div(mean_per_sample(mul(logits, logits)), n))));
    b.output("with decay", add(loss, decay));
    b.output("decay", decay);
    b.output("learned weight", mul(loss, sum_per_sample(gain)));
    b.output("sum", sums);
    b.output("n", scale(n, 1));
    b.output("of a vector", sum_per_sample(mul(mean_logits, mean_logits)));
    b.output("product", mul(loss, accuracy(logits, second)));
    b.output("constant", scale(graph.constant(3), 2));
    return loss;
  };
}

void expect_equal(const Result& epoch, const Result& evaluation, double tolerance) {
  EXPECT_NEAR(epoch.loss, evaluation.loss, tolerance * std::abs(evaluation.loss));
  ASSERT_EQ(epoch.metrics.size(), evaluation.metrics.size());
  for (const auto& [name, value] : evaluation.metrics)
    EXPECT_NEAR(epoch.metrics.at(name), value, tolerance * std::max(1.0, std::abs(value))) << name;
}

class EpochAverages : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }
};

TEST_F(EpochAverages, AreWhatAnEvaluationSays) {
  const TensorDataset data = linear_data(47);
  for (const Device device : {Device::reference(), Device::cpu()})
    for (const std::int64_t batch : {7, 24, 47}) {
      LinearNet net;
      Parameter class_weights(Tensor::of<float>({4}, {1, 2, 0.5f, 3}));
      class_weights.set_trainable(false);
      NoUpdate none;
      Trainer trainer(net, none, many_numbers(net, class_weights), data.spec(),
                      {.batch = batch, .micro_batch = 3, .device = device, .verify_memory = true});
      const Result evaluation = trainer.evaluate(data);
      const double tolerance = device == Device::reference() ? 1e-12 : 1e-5;
      for (int epoch = 0; epoch < 2; ++epoch) {
        SCOPED_TRACE(device.str() + ", batch " + std::to_string(batch));
        expect_equal(trainer.run_epoch(data), evaluation, tolerance);
      }
    }
}

TEST_F(EpochAverages, WeighBatchesAsTheLossDoes) {
  // One counted label, which is right, in the first batch; ten wrong ones in the second.
  class Logits final : public Module {
   public:
    Var forward(Var x) override { return add(x, x.graph().parameter(shift_)); }
    void parameters(const ParameterVisitor& visit) override { visit("shift", shift_); }

   private:
    Parameter shift_{Tensor({2})};
  } net;
  Tensor logits({20, 2}), labels({20}, DType::i32);
  for (std::size_t i = 0; i < 20; ++i) {
    logits.values<float>()[2 * i] = 2;
    labels.values<std::int32_t>()[i] = i == 0 ? 0 : i < 10 ? -100 : 1;
  }
  const TensorDataset data("two batches", {{"x", logits}, {"label", labels}});
  const double right = std::log(1 + std::exp(-2.0)), wrong = right + 2;
  NoUpdate none;
  Trainer trainer(net, none,
                  [&](const Batch& b) {
                    const Var y = net(b["x"]);
                    b.output("accuracy", accuracy(y, b["label"]));
                    return cross_entropy(y, b["label"]);
                  },
                  data.spec(), {.batch = 10, .micro_batch = 4, .device = Device::cpu(), .shuffle = false});
  for (const Result& result : {trainer.run_epoch(data), trainer.evaluate(data)}) {
    EXPECT_NEAR(result.loss, (right + 10 * wrong) / 11, 1e-6);
    EXPECT_NEAR(result.metrics.at("accuracy"), 1.0 / 11, 1e-6);
  }
}

TEST_F(EpochAverages, OfPixelsCountPixels) {
  class PixelNet final : public Module {
   public:
    Var forward(Var x) override { return conv2d(x, x.graph().parameter(weight_), x.graph().parameter(bias_)); }
    void parameters(const ParameterVisitor& visit) override {
      visit("weight", weight_);
      visit("bias", bias_);
    }

   private:
    Parameter weight_{random_tensor({3, 2, 1, 1}, DType::f32, -1, 1, 1)};
    Parameter bias_{random_tensor({3}, DType::f32, -1, 1, 2)};
  } net;
  Tensor labels = random_tensor({23, 4, 4}, DType::i32, 0, 2, 8);
  for (std::size_t i = 0; i < 200; ++i) labels.values<std::int32_t>()[i] = i % 5 ? 255 : 1;
  const TensorDataset data("pixels", {{"image", random_tensor({23, 2, 4, 4}, DType::f32, -1, 1, 7)}, {"mask", labels}});
  NoUpdate none;
  Trainer trainer(net, none,
                  [&](const Batch& b) {
                    const Var y = net(b["image"]);
                    b.output("accuracy", accuracy(y, b["mask"], {.ignore_index = 255}));
                    return cross_entropy(y, b["mask"], {.ignore_index = 255});
                  },
                  data.spec(), {.batch = 6, .micro_batch = 4, .device = Device::reference()});
  expect_equal(trainer.run_epoch(data), trainer.evaluate(data), 1e-12);
}

TEST_F(EpochAverages, OfSamplesThatBatchNormMixesAreWeighedToo) {
  // Each step has moments of its own; hits and counts add up all the same.
  for (const BatchNormMode mode : {BatchNormMode::local, BatchNormMode::exact}) {
    class Net final : public Module {
     public:
      explicit Net(BatchNormMode mode) : norm_({.channels = LinearNet::features, .mode = mode}) {}
      Var forward(Var x) override { return linear_(norm_(x)); }
      void children(const ChildVisitor& visit) override {
        visit("norm", norm_);
        visit("linear", linear_);
      }

     private:
      BatchNorm2d norm_;
      LinearNet linear_;
    } net(mode);
    const TensorDataset data = linear_data(40);
    const StepFunction step = [&net](const Batch& b) {
      const Var y = net(b["x"]);
      b.output("accuracy", accuracy(y, b["label"]));
      b.output("counted", batch_sum(cross_entropy_weight(b["label"])));
      return cross_entropy(y, b["label"]);
    };
    NoUpdate none;
    const TrainerOptions options{.batch = 10, .micro_batch = 5, .device = Device::reference()};
    double loss = 0, hits = 0, counted = 0;
    {
      Trainer steps(net, none, step, data.spec(), options);
      for (int i = 0; i < 4; ++i) {
        const Result result = steps.step(data);
        const double weight = result.metrics.at("counted");
        loss += result.loss * weight, hits += result.metrics.at("accuracy") * weight, counted += weight;
      }
    }
    none.reset();  // the same epoch again
    Trainer trainer(net, none, step, data.spec(), options);
    const Result epoch = trainer.run_epoch(data);
    EXPECT_NEAR(epoch.loss, loss / counted, 1e-12);
    EXPECT_NEAR(epoch.metrics.at("accuracy"), hits / counted, 1e-12);
    EXPECT_NEAR(epoch.metrics.at("counted"), counted, 1e-12);
  }
}

TEST_F(EpochAverages, OfWhatDoesNotAddUpAreMeansBySamples) {
  LinearNet net;
  const TensorDataset data = linear_data(25);
  const StepFunction step = [&net](const Batch& b) {
    const Var logits = net(b["x"]);
    const Var mean = div(total(logits), b["x"].graph().sample_count());
    const Var rows = batch_gather(logits, 25), p = softmax(mul(logits, mean));
    b.output("gathered", sum_per_sample(mul(rows, rows)));
    b.output("at a temperature of the batch", div(logits.graph().constant(1), total(mul(p, p))));
    return cross_entropy(logits, b["label"]);
  };
  NoUpdate none;
  const TrainerOptions options{.batch = 10, .micro_batch = 3, .device = Device::reference()};
  std::map<std::string, double> sums;
  {
    Trainer steps(net, none, step, data.spec(), options);
    for (const double samples : {10, 10, 5})
      for (const auto& [name, value] : steps.step(data).metrics) sums[name] += value * samples / 25;
  }
  none.reset();  // the same epoch again
  Trainer trainer(net, none, step, data.spec(), options);
  const Result epoch = trainer.run_epoch(data);
  for (const auto& [name, value] : sums) EXPECT_NEAR(epoch.metrics.at(name), value, 1e-12) << name;
}

TEST_F(EpochAverages, LeaveTheNextEpochAlone) {
  // What is written into the slab to compute its numbers is put back.
  for (const Device device : {Device::reference(), Device::cpu()}) {
    const TensorDataset data = linear_data(40);
    const auto step_of = [](LinearNet& net) {
      return [&net](const Batch& b) {
        const Var x = b["x"], w = x.graph().parameter(net.bias);
        b.output("norm", sum_per_sample(mul(batch_sum(net(x)), batch_sum(net(x)))));
        b.output("first", sum_per_sample(batch_sum(net(x))));
        return add(cross_entropy(net(x), b["label"]), sum_per_sample(mul(w, batch_sum(net(x)))));
      };
    };
    Sgd sgd({.lr = 1e-4, .momentum = 0.9});
    const TrainerOptions options{.batch = 12, .micro_batch = 5, .device = device, .verify_memory = true};
    LinearNet by_epoch, by_step;
    Trainer epochs(by_epoch, sgd, step_of(by_epoch), data.spec(), options);
    Trainer steps(by_step, sgd, step_of(by_step), data.spec(), options);
    for (int i = 0; i < 3; ++i) epochs.run_epoch(data);
    for (int i = 0; i < 12; ++i) steps.step(data);
    EXPECT_EQ(epochs.weights_hash(), steps.weights_hash()) << device.str();
    EXPECT_EQ(epochs.evaluate(data).loss, steps.evaluate(data).loss);
    EXPECT_EQ(epochs.memory_report().measured_peak_bytes, epochs.plan().planned_peak_bytes());
  }
}

TEST_F(EpochAverages, OfOneStepAreWhatItReports) {
  LinearNet net, other;
  const TensorDataset data = linear_data(40);
  Parameter weights(Tensor::of<float>({4}, {1, 2, 0.5f, 3})), other_weights(weights.read());
  weights.set_trainable(false);
  other_weights.set_trainable(false);
  NoUpdate none;
  const TrainerOptions options{.batch = 40, .micro_batch = 7, .device = Device::cpu()};
  Trainer epoch(net, none, many_numbers(net, weights), data.spec(), options);
  Trainer step(other, none, many_numbers(other, other_weights), data.spec(), options);
  const Result a = epoch.run_epoch(data), b = step.step(data);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.metrics, b.metrics);
}

TEST_F(EpochAverages, OfAnInterruptedEpochAreThoseOfTheStepsTaken) {
  LinearNet net;
  const TensorDataset data = linear_data(40);
  NoUpdate none;
  const auto step = [&net](const Batch& b) {
    b.output("accuracy", accuracy(net(b["x"]), b["label"]));
    return cross_entropy(net(b["x"]), b["label"]);
  };
  Trainer trainer(net, none, step, data.spec(), {.batch = 10, .micro_batch = 5, .device = Device::cpu()});
  const Result first = trainer.step(data), second = trainer.step(data);
  int replays = 0;
  trainer.on_progress([&](const Progress&) {
    if (++replays == 3) trainer.stop();
  });
  const Result third = trainer.run_epoch(data);  // stopped in the fourth step
  EXPECT_TRUE(third.stopped);
  EXPECT_EQ(third.samples, 10);
  EXPECT_TRUE(std::isfinite(third.loss));
  replays = 2;
  const Result none_taken = trainer.run_epoch(data);
  EXPECT_TRUE(none_taken.stopped);
  EXPECT_TRUE(std::isnan(none_taken.loss));
  EXPECT_TRUE(std::isnan(none_taken.metrics.at("accuracy")));
}

}  // namespace
}  // namespace sluice::test
