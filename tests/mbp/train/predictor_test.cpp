// A Predictor beside a Trainer: the same numbers for sets of any size, memory inside the budget, and what it refuses.

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include <sluice/core/text.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/layers/layers.h>
#include <sluice/mbp/train/predictor.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"
#include "mbp/small_net.h"

namespace sluice::test {
namespace {

constexpr std::int64_t micro_batch = 8;

StepFunction step_of(SmallNet& net) {
  return [&net](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("logits", logits);
    b.output("total", batch_sum(sum_per_sample(logits)));
    return mean_cross_entropy(logits, b["label"]);
  };
}

ForwardFunction logits_of(SmallNet& net) {
  return [&net](const Batch& b) { b.output("logits", net(b["image"])); };
}

/// The first `n` rows.
Tensor rows(const Tensor& all, std::int64_t n) {
  Tensor result(all.shape().without_leading().with_leading(n), all.dtype());
  std::memcpy(result.data(), all.data(), result.bytes());
  return result;
}

Tensor row(const Tensor& all, std::int64_t i) {
  Tensor result(all.shape().without_leading(), all.dtype());
  std::memcpy(result.data(), static_cast<const std::byte*>(all.data()) + result.bytes() * static_cast<std::size_t>(i),
              result.bytes());
  return result;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

const std::vector<std::int64_t> some_sizes{1, micro_batch - 1, micro_batch, micro_batch + 1, 3 * micro_batch + 5};

TEST(Predictor, HasTheNumbersOfATrainer) {
  for (const std::int64_t n : some_sizes) {
    SCOPED_TRACE(n);
    const TensorDataset planned = small_data(4 * micro_batch, 3), data = small_data(n, n > 4 ? 2 : 0, 11);
    SmallNet net, same;
    Sgd sgd({.lr = 0.1});
    Trainer trainer(net, sgd, step_of(net), planned.spec(),
                    {.batch = 4 * micro_batch, .micro_batch = micro_batch, .device = Device::cpu()});
    Predictor predictor(same, step_of(same), planned.spec(), {.micro_batch = micro_batch, .device = Device::cpu()});
    const Result a = trainer.evaluate(data), b = predictor.evaluate(data);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.metrics.at("total"), b.metrics.at("total"));
    EXPECT_EQ(b.samples, n);
    EXPECT_TRUE(same_bits(trainer.predict(data, "logits"), predictor.predict(data, "logits")));
  }
}

TEST(Predictor, SetsOfAnySizeHaveTheNumbersOfOnePlannedForThem) {
  for (const std::int64_t n : some_sizes) {
    SCOPED_TRACE(n);
    const TensorDataset data = small_data(n, 0, 11);
    SmallNet net, same;
    Predictor any(net, step_of(net), small_data(40, 0).spec(), {.micro_batch = micro_batch, .device = Device::cpu()});
    Predictor whole(same, step_of(same), data.spec(), {.micro_batch = n, .device = Device::cpu()});
    const Result a = any.evaluate(data), b = whole.evaluate(data);
    EXPECT_NEAR(a.loss, b.loss, 1e-5);
    EXPECT_NEAR(a.metrics.at("total"), b.metrics.at("total"), 1e-3);
    EXPECT_LT(relative_error(any.predict(data), whole.predict(data)), 1e-5);
  }
}

TEST(Predictor, TakesSingleSamplesAndRows) {
  const TensorDataset data = small_data(13, 0);
  const Tensor images = random_tensor({13, 2, 8, 8}, DType::f32, -1, 1, 7);  // those of the data set
  SmallNet net;
  Predictor predictor(net, logits_of(net), data.spec(), {.micro_batch = micro_batch, .device = Device::cpu()});
  const std::string plan = predictor.plan().hash;
  const Tensor all = predictor.predict(data);
  for (std::int64_t i = 0; i < 13; ++i) {
    const Tensor one = predictor.predict(row(images, i), "logits");
    EXPECT_EQ(one.shape(), (Shape{SmallNet::classes}));
    EXPECT_LT(relative_error(one, row(all, i)), 1e-5);
  }
  EXPECT_TRUE(same_bits(predictor.predict(images), all));
  EXPECT_EQ(predictor.predict(rows(images, 1)).shape(), (Shape{1, SmallNet::classes}));
  EXPECT_EQ(predictor.plan().hash, plan);
}

TEST(Predictor, NeedsNoLabels) {
  const TensorDataset labelled = small_data(20, 0);
  const TensorDataset images("images", {{"image", random_tensor({20, 2, 8, 8}, DType::f32, -1, 1, 7)}});
  SmallNet net;
  Predictor predictor(net, step_of(net), labelled.spec(), {.micro_batch = micro_batch, .device = Device::cpu()});
  EXPECT_TRUE(same_bits(predictor.predict(images), predictor.predict(labelled)));
  expect_parts_of(message_of<UsageError>([&] { predictor.evaluate(images); }), {"evaluate", "images", "'label'"});
  DataSpec of_images = images.spec();
  of_images.samples = 0;  // not known
  Predictor without(net, logits_of(net), of_images, {.device = Device::cpu()});
  EXPECT_EQ(without.options().micro_batch, 64);
}

TEST(Predictor, StaysInsideItsBudgetAndMeasuresWhatItPlanned) {
  const TensorDataset data = small_data(61, 0), another = small_data(7, 0, 5);
  SmallNet net;
  const std::size_t free_of_budget =
      Predictor(net, step_of(net), data.spec(), {.micro_batch = 61, .device = Device::cpu()})
          .plan()
          .planned_peak_bytes();
  const std::size_t budget = free_of_budget / 3;
  Predictor predictor(net, step_of(net), data.spec(),
                      {.budget = budget, .device = Device::cpu(), .verify_memory = true});
  EXPECT_LE(predictor.plan().planned_peak_bytes(), budget);
  EXPECT_GT(predictor.plan().micro_batch, 4);
  EXPECT_LT(predictor.plan().micro_batch, 61);
  EXPECT_EQ(predictor.plan().ledger.total(Category::gradient).planned_bytes, 0u);
  EXPECT_EQ(predictor.plan().ledger.total(Category::optimizer).planned_bytes, 0u);
  predictor.evaluate(data);
  predictor.predict(data);
  predictor.evaluate(another);
  const MemoryReport report = predictor.memory_report();
  EXPECT_TRUE(report.verified);
  EXPECT_EQ(report.budget_bytes, budget);
  EXPECT_EQ(report.planned_peak_bytes, predictor.plan().planned_peak_bytes());
  EXPECT_LE(report.measured_peak_bytes, report.planned_peak_bytes);
  EXPECT_EQ(report.host_bytes, data.host_bytes() + another.host_bytes());
  EXPECT_EQ(predictor.plan_details().measured_by, MeasuredBy::verified);
  for (const PartDetails& part : predictor.plan_details().parts) EXPECT_NE(part.program, "train");
  expect_parts_of(message_of<OutOfMemory>(
                      [&] { Predictor(net, step_of(net), data.spec(), {.budget = 1024, .device = Device::cpu()}); }),
                  {"1024 bytes", "smallest feasible budget"});
}

TEST(Predictor, PrintsAPlanWithoutSteps) {
  SmallNet net;
  const Predictor predictor(net, logits_of(net), small_data(40, 0).spec(),
                            {.micro_batch = 16, .device = Device::cpu()});
  TextStream out;
  out << predictor.plan();
  expect_parts_of(out.str(), {"micro-batches of 16; what is left in ones of", " 4, 1\n", "parameter", "no budget"});
  for (const char* word : {"epoch", "step", "logical batch", "optimizer", "gradient"})
    EXPECT_EQ(out.str().find(word), std::string::npos) << word << " in " << out.str();
}

TEST(Predictor, EvaluatesInEvaluationModeAndLeavesModesAlone) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net, evaluated;
  net.set_training(true);
  evaluated.set_training(false);
  Predictor a(net, logits_of(net), data.spec(), {.device = Device::cpu()});
  Predictor b(evaluated, logits_of(evaluated), data.spec(), {.device = Device::cpu()});
  EXPECT_TRUE(same_bits(a.predict(data), b.predict(data)));  // no unit was dropped
  EXPECT_TRUE(net.training());
  EXPECT_FALSE(evaluated.training());
  net.set_training(false);  // of no consequence
  EXPECT_TRUE(same_bits(a.predict(data), b.predict(data)));
}

TEST(Predictor, PassesOverTheSamplesOftenEnoughForAnySize) {
  register_reference_device();
  for (const Device& device : {Device::cpu(), Device::reference()})
    for (const std::int64_t n : some_sizes) {
      SCOPED_TRACE(testing::Message() << n << " samples on " << device.backend().description());
      SmallNet net;
      const auto centred = [&](const Batch& b) {
        const Var logits = net(b["image"]);
        const Var total = batch_sum(sum_per_sample(logits));
        b.output("share", div(sum_per_sample(logits), total));
        b.output("one", batch_sum(div(sum_per_sample(logits), total)));
      };
      Predictor predictor(net, ForwardFunction(centred), small_data(40, 0).spec(),
                          {.micro_batch = micro_batch, .device = device, .verify_memory = true});
      EXPECT_EQ(predictor.plan().stages, 2);
      const TensorDataset data = small_data(n, 0, 3);
      const Result result = predictor.evaluate(data);
      EXPECT_NEAR(result.metrics.at("one"), 1, 1e-4);
      EXPECT_TRUE(std::isnan(result.loss));
      double sum = 0;
      for (const double share : doubles(predictor.predict(data, "share"))) sum += share;
      EXPECT_NEAR(sum, 1, 1e-4);
    }
}

TEST(Predictor, GivesTheParametersBackAndRefusesThoseThatAreBound) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  const Tensor before = all_parameters(net)[0].read();
  Sgd sgd({.lr = 0.1});
  {
    Predictor predictor(net, step_of(net), data.spec(), {.device = Device::cpu()});
    const Tensor first = predictor.predict(data);
    Parameter weight = all_parameters(net)[2];
    const Tensor kept = weight.read();
    weight.write(Tensor(weight.shape()));
    EXPECT_FALSE(same_bits(predictor.predict(data), first));
    weight.write(kept);
    EXPECT_TRUE(same_bits(predictor.predict(data), first));
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
    expect_parts_of(message_of<UsageError>([&] { trainer.step(data); }), {"trainer: parameter", "bound to another"});
  }
  EXPECT_TRUE(same_bits(all_parameters(net)[0].read(), before));
  Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
  trainer.step(data);
  Predictor predictor(net, step_of(net), data.spec(), {.device = Device::cpu()});
  expect_parts_of(message_of<UsageError>([&] { predictor.predict(data); }),
                  {"predictor: parameter", "bound to another", "end the scope of the other first"});
}

TEST(Predictor, SaysWhatIsWrong) {
  const TensorDataset data = small_data(20, 0);
  SmallNet net;
  const auto predictor_for = [&](ForwardFunction function,
                                 const PredictorOptions& options = {.device = Device::cpu()}) {
    return std::make_unique<Predictor>(net, std::move(function), data.spec(), options);
  };
  const auto refused = [](auto&& call) { return message_of<UsageError>(call); };
  expect_parts_of(refused([&] { predictor_for([](const Batch&) {}); }), {"names no output and returns no loss"});
  expect_parts_of(refused([&] { predictor_for(logits_of(net), {.micro_batch = -1}); }),
                  {"predictor", "micro_batch is -1"});
  expect_parts_of(refused([&] { predictor_for(logits_of(net), {.threads = -1}); }), {"predictor", "threads is -1"});
  expect_parts_of(refused([&] { predictor_for(logits_of(net), {.tune = true}); }), {"predictor: tune is set"});

  const auto predictor = predictor_for(logits_of(net));
  expect_parts_of(refused([&] { predictor->evaluate(data); }), {"evaluate: there is no number", "Batch::output"});
  expect_parts_of(refused([&] { predictor->predict(data, "lgits"); }), {"'lgits'", "logits"});
  const TensorDataset other("other", {{"image", random_tensor({4, 2, 9, 9}, DType::f32, -1, 1, 7)}});
  expect_parts_of(refused([&] { predictor->predict(other); }),
                  {"predict: field 'image' of data set other differs", "got f32[2,9,9]; expected f32[2,8,8]"});
  for (const Shape& shape : {Shape{2, 9, 9}, Shape{8, 8}, Shape{3, 2, 8, 9}})
    expect_parts_of(message_of<ShapeError>([&] { predictor->predict(Tensor(shape)); }),
                    {"'image'", shape.str(), "[2,8,8]"});
  const auto of_several = predictor_for([&](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("a", logits);
    b.output("b", sum_per_sample(logits));
  });
  EXPECT_EQ(refused([&] { of_several->predict(data); }), "predict: the step has several outputs; name one of: a, b");
  const auto of_metrics =
      predictor_for([&](const Batch& b) { b.output("total", batch_sum(sum_per_sample(net(b["image"])))); });
  EXPECT_EQ(refused([&] { of_metrics->predict(data); }),
            "predict: the step has no sample outputs, only metrics, which evaluate() gives: total; expected "
            "Batch::output() of a sample value");
  EXPECT_EQ(
      refused([&] { of_metrics->predict(data, "total"); }),
      "predict: 'total' is a metric of the whole batch; evaluate() gives it; expected Batch::output() of a sample "
      "value");
  expect_parts_of(message_of<ShapeError>([&] { predictor_for([&](const Batch& b) { return net(b["image"]); }); }),
                  {"predictor: the step function returned no batch scalar; got f32[N,5]"});

  const auto of_two =
      predictor_for([&](const Batch& b) { b.output("l", cross_entropy_loss(net(b["image"]), b["label"])); });
  expect_parts_of(refused([&] { of_two->predict(Tensor({2, 8, 8})); }), {"image, label", "one field"});

  net.dropout_rate = 0.5f;  // of no consequence in evaluation mode
  predictor->predict(data);
}

TEST(Predictor, NoticesAModelThatChangedIsGoneOrHasNoValues) {
  const TensorDataset data = linear_data(9);
  const auto logits = [](auto& net) {
    return ForwardFunction([&net](const Batch& b) { b.output("logits", net(b["x"])); });
  };
  auto net = std::make_unique<LinearNet>();
  Predictor predictor(*net, logits(*net), data.spec(), {.device = Device::cpu()});
  predictor.predict(data);
  net->weight = Parameter(random_tensor({LinearNet::classes, LinearNet::features}, DType::f32, -1, 1, 5));
  note_model_change();
  expect_parts_of(message_of<UsageError>([&] { predictor.predict(data); }),
                  {"predictor: the model was changed", "new Predictor"});
  expect_parts_of(message_of<UsageError>([&] { predictor.predict(Tensor({LinearNet::features})); }), {"was changed"});
  net.reset();
  for (const auto& run : {std::function<void()>([&] { predictor.predict(data); }),
                          std::function<void()>([&] { predictor.predict(Tensor({LinearNet::features})); })})
    expect_parts_of(message_of<UsageError>(run), {"predictor: its model is gone", "a Predictor whose model"});

  Linear empty({.in = LinearNet::features, .out = 4});
  Predictor uninitialised(empty, logits(empty), data.spec(), {.device = Device::cpu()});
  expect_parts_of(message_of<UsageError>([&] { uninitialised.predict(data); }), {"predict", "weight"});
  Linear strange({.in = LinearNet::features, .out = 4});
  initialize(strange, 1);
  expect_parts_of(
      message_of<UsageError>([&] { Predictor(empty, logits(strange), data.spec(), {.device = Device::cpu()}); }),
      {"predictor: the step reads a parameter that is not the model's",
       "in the model (Linear(6, 4)), whose children() lists nothing"});
}

TEST(Trainer, EvaluatesAndPredictsSetsOfAnySize) {
  const TensorDataset data = small_data(40, 3), planned = small_data(20, 0, 4);
  SmallNet net;
  Sgd sgd({.lr = 0.1});
  Trainer trainer(net, sgd, step_of(net), data.spec(),
                  {.batch = 40,
                   .micro_batch = micro_batch,
                   .device = Device::cpu(),
                   .evaluation = planned.spec(),
                   .verify_memory = true});
  trainer.step(data);
  for (const std::int64_t n : {1, 7, 8, 9, 20, 29, 100}) {
    SCOPED_TRACE(n);
    const TensorDataset set = small_data(n, 0, 11);
    const Result result = trainer.evaluate(set);
    EXPECT_EQ(result.samples, n);
    double total = 0;
    const Tensor logits = trainer.predict(set, "logits");
    EXPECT_EQ(logits.shape(), (Shape{n, SmallNet::classes}));
    for (const double x : doubles(logits)) total += x;
    EXPECT_NEAR(result.metrics.at("total"), total, 1e-3);
  }
  EXPECT_EQ(trainer.memory_report().measured_peak_bytes, trainer.plan().planned_peak_bytes());
  trainer.step(data);
  EXPECT_EQ(trainer.training_state().step, 2);
}

}  // namespace
}  // namespace sluice::test
