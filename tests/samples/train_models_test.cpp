#include <algorithm>
#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_planner.h>

#include "mbp/small_net.h"
#include "models/catalog.h"
#include "models/fashion_cnn.h"
#include "models/lenet.h"
#include "models/resnet.h"
#include "models/unet.h"
#include "models/vgg.h"

// Networks as in models/, with few channels: layers, shapes and order are those of the large ones.

namespace sluice::samples {
namespace {

using test::gradients;
using test::random_tensor;
using test::worst_error;

constexpr std::int64_t classes = 5;
constexpr std::int64_t width = 8;

/// Random images, u8 or f32, and labels: one for an image, or one for each pixel with some of them ignored.
TensorDataset random_images(std::int64_t n, const Shape& image, bool per_pixel, bool bytes, std::uint64_t seed = 1) {
  const std::vector<double> mean(static_cast<std::size_t>(image[0]), 0.5), std(mean.size(), 0.25);
  const TensorDataset::Field images =
      bytes ? TensorDataset::Field("image", random_tensor(image.with_leading(n), DType::u8, 0, 255, seed), mean, std)
            : TensorDataset::Field("image", random_tensor(image.with_leading(n), DType::f32, -1, 1, seed));
  const Shape label = per_pixel ? image.without_leading() : Shape();
  Tensor labels = random_tensor(label.with_leading(n), DType::i32, 0, classes - 1, seed + 1);
  // All of the first image's, so that there is a micro-batch of one image that weighs nothing.
  if (per_pixel) std::fill_n(labels.values<std::int32_t>().begin(), label.elements() + 7, -100);
  return TensorDataset("random", {images, {"label", labels}});
}

struct Case {
  std::string name;
  Shape image;
  bool per_pixel;
  std::unique_ptr<Module> (*make)(BatchNormMode mode);

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

template <UNet::Upsampling upsampling, bool batch_norm>
std::unique_ptr<Module> make_unet(BatchNormMode mode) {
  UNet::Options options{.classes = classes, .width = width / 2, .upsampling = upsampling, .batch_norm = mode};
  if (!batch_norm) options.batch_norm.reset();
  return std::make_unique<UNet>(options);
}

template <class Net>
std::unique_ptr<Module> make_resnet(BatchNormMode mode) {
  return std::make_unique<Net>(typename Net::Options{.classes = classes, .mode = mode, .width = width});
}

template <bool batch_norm>
std::unique_ptr<Module> make_vgg(BatchNormMode mode) {
  return std::make_unique<Vgg16>(
      Vgg16::Options{.classes = classes, .batch_norm = batch_norm, .mode = mode, .width = width, .hidden = 32});
}

template <class Net, std::int64_t channels, std::int64_t side>
std::unique_ptr<Module> make_small(BatchNormMode) {
  return std::make_unique<Net>(Shape{channels, side, side}, classes);
}

constexpr auto transposed = UNet::Upsampling::transposed, nearest = UNet::Upsampling::nearest;

const std::vector<Case> cases = {
    {"ResNet18", {3, 64, 64}, false, make_resnet<ResNet18>},
    {"ResNet18Cifar", {3, 32, 32}, false, make_resnet<ResNet18Cifar>},
    {"ResNet50", {3, 40, 32}, false, make_resnet<ResNet50>},
    {"Vgg16", {3, 32, 48}, false, make_vgg<false>},
    {"Vgg16Bn", {3, 32, 32}, false, make_vgg<true>},
    {"UNet", {3, 16, 32}, true, make_unet<transposed, true>},
    {"UNetNearest", {3, 32, 16}, true, make_unet<nearest, true>},
    {"UNetWithoutBatchNorm", {3, 32, 32}, true, make_unet<transposed, false>},
    {"FashionCnn", {1, 28, 28}, false, make_small<FashionCnn, 1, 28>},
    {"LeNet", {3, 32, 32}, false, make_small<LeNet, 3, 32>},
};

class TrainedModel : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

// Steps of 7 and of 4 samples, in micro-batches of 3, 2, 2 and of 2, 2; every byte is checked around every kernel.
TEST_P(TrainedModel, TakesThePlannedMemory) {
  for (const BatchNormMode mode : {BatchNormMode::local, BatchNormMode::exact}) {
    SCOPED_TRACE(mode == BatchNormMode::local ? "local" : "exact");
    const std::unique_ptr<Module> net = c.make(mode);
    const TensorDataset data = random_images(11, c.image, c.per_pixel, mode == BatchNormMode::local);
    Sgd sgd({.lr = 0.01, .momentum = 0.9});
    Trainer trainer(*net, sgd, classify(*net), data.spec(),
                    {.batch = 7,
                     .micro_batch = 3,
                     .device = Device::cpu(),
                     .shuffle = false,
                     .evaluation = data.spec(),
                     .verify_memory = true});
    EXPECT_EQ(trainer.plan().replays, 3);
    EXPECT_EQ(trainer.plan().tail, 4);
    const double first = trainer.step(data).loss, tail = trainer.step(data).loss, again = trainer.step(data).loss;
    EXPECT_TRUE(std::isfinite(first) && std::isfinite(tail) && std::isfinite(again));
    EXPECT_NE(first, again);  // the same samples with other weights
    const double accuracy = trainer.evaluate(data).metrics.at("accuracy");
    EXPECT_TRUE(accuracy >= 0 && accuracy <= 1) << accuracy;
    const MemoryReport report = trainer.memory_report();
    EXPECT_TRUE(report.verified);
    EXPECT_EQ(report.measured_peak_bytes, report.planned_peak_bytes);
  }
}

// The same without recomputation, with that of cheap ops, and with as much as a tight budget requires.
void expect_planned_memory(const Case& c, BatchNormMode mode, std::int64_t micro_batch) {
  const std::unique_ptr<Module> net = c.make(mode);
  const TensorDataset data = random_images(11, c.image, c.per_pixel, false);
  Sgd sgd({.lr = 1e-6});
  TrainerOptions options{.batch = 7,
                         .micro_batch = micro_batch,
                         .device = Device::cpu(),
                         .shuffle = false,
                         .evaluation = data.spec(),
                         .verify_memory = true};
  const StepPlanner planner(*net, sgd, classify(*net), data.spec(), options);
  const auto least_peak = [&](Recompute recompute) {
    const PlanChoice choice{.micro_batch = micro_batch, .recompute = recompute, .smallest = true};
    return planner.plan(choice, 0)->summary.planned_peak_bytes();
  };
  const std::size_t stored = least_peak(Recompute::none), least = least_peak(Recompute::automatic);
  for (const Recompute recompute : {Recompute::none, Recompute::cheap, Recompute::automatic}) {
    SCOPED_TRACE(recompute == Recompute::none ? "none" : recompute == Recompute::cheap ? "cheap" : "auto");
    options.recompute = recompute;
    options.budget = recompute == Recompute::automatic ? least + (stored - least) / 4 : 0;
    Trainer trainer(*net, sgd, classify(*net), data.spec(), options);
    EXPECT_TRUE(trainer.plan().recomputed > 0 || options.budget == 0 || options.budget >= stored);
    EXPECT_TRUE(trainer.plan().recomputed == 0 || recompute != Recompute::none);
    trainer.step(data);
    trainer.step(data);
    trainer.evaluate(data);
    const MemoryReport report = trainer.memory_report();
    EXPECT_TRUE(report.verified);
    EXPECT_EQ(report.measured_peak_bytes, report.planned_peak_bytes);
    EXPECT_TRUE(options.budget == 0 || report.measured_peak_bytes <= options.budget);
  }
}

TEST_P(TrainedModel, TakesThePlannedMemoryWhereValuesAreComputedAgain) {
  for (const std::int64_t micro_batch : {2, 7}) {
    SCOPED_TRACE(micro_batch);
    expect_planned_memory(c, BatchNormMode::local, micro_batch);
  }
}

// Stages divide a step where a batch normalisation needs the whole batch: values cross them, stored or recomputed.
TEST_P(TrainedModel, TakesThePlannedMemoryInStages) { expect_planned_memory(c, BatchNormMode::exact, 2); }

INSTANTIATE_TEST_SUITE_P(Cases, TrainedModel, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

// From the image to the head activations stay as convolutions like them: up- and downsampling and concatenation take
// them as they lie. The head has two channels; the loss and the accuracy read its logits plain.
TEST(UNetPlan, ReordersActivationsAtTheHeadOnly) {
  const std::string cpu = Device::cpu().backend().description();
  if (cpu.find("oneDNN 2.") == std::string::npos || cpu.find("avx512") == std::string::npos)
    GTEST_SKIP() << "correct in any case, but other layouts are liked";
  for (const UNet::Upsampling upsampling : {transposed, nearest}) {
    UNet net({.classes = classes, .width = 16, .upsampling = upsampling});
    const DataSpec data = random_images(8, {3, 32, 48}, true, true).spec();
    Backend& backend = Device::cpu().backend();
    const StepGraph training =
        make_training_graph(trace(net, classify(net), data), test::NoUpdate(), backend, true, true);
    const StepGraph evaluation = make_evaluation_graph(trace_evaluation(net, classify(net), data), backend);
    RunPlanRequest request;
    request.training = &training;
    request.evaluation = &evaluation;
    request.data = &data;
    request.batch = 8;
    request.micro_batch = 4;
    request.evaluation_samples = 8;
    request.caps.bytes = std::size_t{64} << 20;
    request.backend = &backend;
    const auto plan = make_run_plan(request);
    std::vector<std::string> reordered;
    for (const PackedPart& part : plan->train.replayed.at(4))
      for (const Instruction& instruction : part.part.instructions)
        if (instruction.name == "reorder") reordered.push_back(instruction.layer);
    std::sort(reordered.begin(), reordered.end());
    EXPECT_EQ(reordered, (std::vector<std::string>{"accuracy", "head"}));
  }
}

/// Gradients on the reference device in micro-batches of 1 and 2 against those of the whole batch.
void expect_independent_of_the_split(Module& net, const TensorDataset& data, double tolerance) {
  register_reference_device();
  const auto whole = gradients(net, classify(net), data, {.device = Device::reference()});
  for (const std::int64_t micro_batch : {1, 2})
    EXPECT_LE(
        worst_error(gradients(net, classify(net), data, {.micro_batch = micro_batch, .device = Device::reference()}),
                    whole),
        tolerance)
        << "micro-batch " << micro_batch;
}

TEST(ModelGradient, OfVggWithDropoutIsTheSameForAnySplit) {
  Vgg16 net({.classes = classes, .width = 2, .hidden = 8});
  expect_independent_of_the_split(net, random_images(5, {3, 32, 32}, false, true), 1e-12);
}

// The loss is a mean over pixels, of which some images have more that count than others.
TEST(ModelGradient, OfUNetIsTheSameForAnySplit) {
  const TensorDataset data = random_images(5, {3, 16, 16}, true, true);
  for (const UNet::Upsampling upsampling : {transposed, nearest}) {
    UNet net({.classes = classes, .width = 2, .upsampling = upsampling, .batch_norm = {}});
    expect_independent_of_the_split(net, data, 1e-12);
  }
  UNet exact({.classes = classes, .width = 2, .depth = 2, .batch_norm = BatchNormMode::exact});
  expect_independent_of_the_split(exact, data, 1e-10);
}

TEST(ModelGradient, OfResNetWithExactBatchNormIsTheSameForAnySplit) {
  ResNet50 net({.classes = classes, .mode = BatchNormMode::exact, .width = 2});
  expect_independent_of_the_split(net, random_images(3, {3, 32, 32}, false, true), 1e-9);
}

}  // namespace
}  // namespace sluice::samples
