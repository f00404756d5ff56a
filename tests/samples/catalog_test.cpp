#include "models/catalog.h"

#include <gtest/gtest.h>

#include "data/idx_files.h"

namespace sluice::samples {
namespace {

using test::expect_error;

TEST(Catalog, KnowsItsModels) {
  const std::map<std::string, std::int64_t> parameters{
      {"lenet", 61706},       {"fashion_cnn", 431018}, {"resnet18_cifar", 11173962}, {"resnet18", 11689512},
      {"resnet50", 25557032}, {"vgg16", 138357544},    {"vgg16_bn", 138365992},      {"unet", 31037698}};
  EXPECT_EQ(catalog().size(), parameters.size());
  for (const CatalogModel& model : catalog()) {
    ASSERT_TRUE(parameters.contains(model.name)) << model.name;
    EXPECT_EQ(&find_model(model.name), &model);
    const ModelSetup setup = set_up_model(model.name);
    std::int64_t count = 0;
    for (const Parameter& parameter : all_parameters(*setup.net))
      if (!parameter.is_buffer()) count += parameter.shape().elements();
    EXPECT_EQ(count, parameters.at(model.name)) << model.name;
    EXPECT_EQ(setup.data.fields[0].shape, model.input);
  }
}

TEST(Catalog, DescribesTheData) {
  const ModelSetup images = set_up_model("resnet18_cifar", {.input = Shape{4, 40, 48}, .samples = 70});
  EXPECT_EQ(images.data.samples, 70);
  EXPECT_EQ(images.data.fields[0].dtype, DType::u8);
  EXPECT_EQ(images.data.fields[0].mean.size(), 4u);
  EXPECT_EQ(images.data.fields[1].name, "label");
  EXPECT_EQ(images.data.fields[1].shape, Shape());
  const ModelSetup pixels = set_up_model("unet", {.input = Shape{1, 32, 48}, .image = DType::f32});
  EXPECT_TRUE(pixels.data.fields[0].mean.empty());
  EXPECT_EQ(pixels.data.fields[1].shape, (Shape{32, 48}));
}

TEST(Catalog, SetsUpWhatATrainerPlans) {
  for (const auto& [name, image, mode, stages] :
       {std::tuple("lenet", Shape{3, 32, 32}, BatchNormMode::exact, 1),
        std::tuple("fashion_cnn", Shape{1, 28, 28}, BatchNormMode::local, 1),
        std::tuple("resnet18_cifar", Shape{3, 16, 16}, BatchNormMode::local, 1)}) {
    ModelSetup setup = set_up_model(name, {.input = image, .classes = 4, .batch_norm = mode, .samples = 20});
    ModelSetup moved = std::move(setup);  // the step goes with its net
    Sgd sgd({.lr = 0.1});
    const Trainer trainer(*moved.net, sgd, moved.step, moved.data,
                          {.batch = 8, .micro_batch = 3, .device = Device::cpu()});
    EXPECT_EQ(trainer.plan().replays, 3) << name;
    EXPECT_EQ(trainer.plan().steps_per_epoch, 3) << name;
    EXPECT_EQ(trainer.plan().stages, stages) << name;
  }
}

TEST(Catalog, PassesTheModeOn) {
  const auto stages = [](BatchNormMode mode) {
    ModelSetup setup = set_up_model("unet", {.input = Shape{1, 16, 16}, .batch_norm = mode, .samples = 4});
    Sgd sgd({.lr = 0.1});
    return Trainer(*setup.net, sgd, setup.step, setup.data, {.batch = 4, .micro_batch = 2, .device = Device::cpu()})
        .plan()
        .stages;
  };
  EXPECT_EQ(stages(BatchNormMode::local), 1);
  EXPECT_GT(stages(BatchNormMode::exact), 2 * 18);  // two for each of 18 layers in a chain
}

TEST(Catalog, RefusesWhatDoesNotFit) {
  const auto refuses = [](const std::string& name, const ModelOptions& options,
                          std::initializer_list<std::string> parts) {
    expect_error<Error>([&] { set_up_model(name, options); }, parts);
  };
  refuses("resnet", {}, {"model: unknown name; got 'resnet'", "expected one of lenet, fashion_cnn", "vgg16_bn, unet"});
  refuses("unet", {.input = Shape{3, 224, 225}},
          {"unet: the image cannot be halved", "[3,224,225]", "multiples of 16"});
  refuses("lenet", {.input = Shape{3, 64, 64}}, {"lenet: image of another size", "[3,64,64]"});
  refuses("resnet18", {.input = Shape{224, 224}}, {"resnet18: input is no image", "[224,224]", "[C,H,W]"});
  refuses("resnet18", {.input = Shape{3, 16, 16}}, {"resnet: the image is too small", "[3,16,16]"});
  refuses("lenet", {.classes = 0}, {"lenet: classes out of range; got 0"});
  refuses("lenet", {.samples = 0}, {"lenet: samples out of range; got 0"});
  refuses("lenet", {.image = DType::i32}, {"lenet: images of another dtype; got i32", "u8 or f32"});
}

}  // namespace
}  // namespace sluice::samples
