#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/layers/summary.h>

#include "common/model_table.h"
#include "data/idx_files.h"
#include "models/fashion_cnn.h"
#include "models/lenet.h"
#include "models/resnet.h"
#include "models/unet.h"
#include "models/vgg.h"
#include "support/check_module.h"

namespace sluice::samples {
namespace {

using test::expect_error;

template <class Net>
std::int64_t parameters_for(const Shape& image) {
  Net net(image);
  const Summary s = summary(net, image);
  EXPECT_EQ(s.rows.back().output, Shape{10});
  return s.parameters;
}

TEST(LeNet, HasThePapersLayers) {
  constexpr std::int64_t behind_c1 = (16 * 150 + 16) + (120 * 400 + 120) + (84 * 120 + 84) + (10 * 84 + 10);
  EXPECT_EQ(parameters_for<LeNet>({1, 28, 28}), 6 * 25 + 6 + behind_c1);
  EXPECT_EQ(parameters_for<LeNet>({1, 28, 28}), 61706);
  EXPECT_EQ(parameters_for<LeNet>({3, 32, 32}), 6 * 75 + 6 + behind_c1);
  for (const Shape& image : {Shape{}, Shape{32, 32}, Shape{3, 30, 30}, Shape{3, 28, 32}})
    expect_error<ShapeError>([&] { LeNet{image}; }, {"lenet:", image.str(), "[C,28,28] or [C,32,32]"});
}

TEST(FashionCnn, FitsItsImages) {
  EXPECT_EQ(parameters_for<FashionCnn>({1, 28, 28}), 431018);
  EXPECT_EQ(parameters_for<FashionCnn>({3, 32, 32}), 554762);
  for (const Shape& image : {Shape{}, Shape{32, 32}, Shape{3, 3, 32}})
    expect_error<ShapeError>([&] { FashionCnn{image}; }, {"fashion_cnn:", image.str(), "[C,H,W]"});
}

TEST(ResNet18Cifar, HasThePapersLayers) {
  ResNet18Cifar net;
  const Summary s = summary(net, {3, 32, 32});
  EXPECT_EQ(s.parameters, 11173962);
  EXPECT_EQ(s.trainable_parameters, s.parameters);
  EXPECT_EQ(s.rows.back().output, Shape{10});
  EXPECT_NEAR(s.flops, 2 * 0.556e9, 0.01e9);  // multiply-adds × 2
}

/// Parameters of `net` for `image`, whose head must make `output`.
std::int64_t parameters_of(Module& net, const Shape& image, const Shape& output) {
  const Summary s = summary(net, image);
  EXPECT_EQ(s.rows.back().output, output);
  return s.parameters;
}

// The numbers everybody gets; multiply-adds are those of the papers' tables.
TEST(ResNet, HasThePublishedParameters) {
  ResNet18 small;
  EXPECT_EQ(parameters_of(small, {3, 224, 224}, {1000}), 11689512);
  EXPECT_NEAR(summary(small, {3, 224, 224}).flops, 2 * 1.82e9, 0.05e9);
  ResNet50 large;
  EXPECT_EQ(parameters_of(large, {3, 224, 224}, {1000}), 25557032);
  EXPECT_NEAR(summary(large, {3, 224, 224}).flops, 2 * 4.1e9, 0.1e9);
  ResNet50 few({.channels = 1, .classes = 7, .width = 8});
  parameters_of(few, {1, 32, 45}, {7});
}

TEST(ResNet, RefusesSmallImages) {
  ResNet18 net({.width = 8});
  for (const Shape& image : {Shape{3, 31, 32}, Shape{3, 32, 16}, Shape{32, 32}})
    expect_error<ShapeError>([&] { summary(net, image); },
                             {"resnet: the image is too small", image.str(), "at least 32"});
  expect_error<ShapeError>([&] { summary(net, {1, 32, 32}); }, {"conv2d: channels differ", "(in layer conv1:"});
}

TEST(ResNet, BlocksMatchReference) {
  for (const std::int64_t stride : {1, 2}) {
    BasicBlock basic(4, stride == 1 ? 4 : 6, stride, BatchNormMode::local);
    test::check_module(basic, {.input = {4, 6, 6}});
    Bottleneck bottleneck(8, stride == 1 ? 2 : 3, stride, BatchNormMode::local);
    test::check_module(bottleneck, {.input = {8, 6, 6}});
  }
}

TEST(Vgg16, HasThePublishedParameters) {
  Vgg16 net;
  EXPECT_EQ(parameters_of(net, {3, 224, 224}, {1000}), 138357544);
  EXPECT_NEAR(summary(net, {3, 224, 224}).flops, 2 * 15.5e9, 0.2e9);
  // Batch normalisation adds two numbers for each of the 4224 channels.
  const auto narrow = [](bool batch_norm) {
    Vgg16 net({.batch_norm = batch_norm, .width = 2, .hidden = 4});
    return parameters_of(net, {3, 40, 33}, {1000});
  };
  EXPECT_EQ(narrow(true) - narrow(false), 2 * 4224 * 2 / 64);
}

TEST(Vgg16, RefusesSmallImages) {
  Vgg16 net({.width = 2, .hidden = 4});
  for (const Shape& image : {Shape{3, 31, 32}, Shape{32, 32}})
    expect_error<ShapeError>([&] { summary(net, image); }, {"vgg16: the image is too small", image.str()});
}

TEST(UNet, HasThePublishedParameters) {
  UNet net;
  EXPECT_EQ(parameters_of(net, {3, 32, 48}, {2, 32, 48}), 31037698);
  UNet of_the_paper({.channels = 1, .batch_norm = std::nullopt});
  EXPECT_EQ(parameters_of(of_the_paper, {1, 16, 16}, {2, 16, 16}), 31030658);
}

TEST(UNet, KeepsTheExtents) {
  for (const UNet::Upsampling upsampling : {UNet::Upsampling::transposed, UNet::Upsampling::nearest}) {
    UNet net({.channels = 2, .classes = 5, .width = 4, .depth = 2, .upsampling = upsampling});
    parameters_of(net, {2, 12, 8}, {5, 12, 8});
    for (const Shape& image : {Shape{2, 10, 8}, Shape{2, 12, 9}, Shape{12, 8}})
      expect_error<ShapeError>([&] { summary(net, image); },
                               {"unet: the image cannot be halved 2 times", image.str(), "multiples of 4"});
  }
  expect_error<UsageError>([] { UNet({.depth = 0}); }, {"unet: depth", "got 0"});
}

TEST(UNet, MatchesReference) {
  for (const UNet::Upsampling upsampling : {UNet::Upsampling::transposed, UNet::Upsampling::nearest}) {
    UNet net({.channels = 2, .classes = 3, .width = 3, .depth = 2, .upsampling = upsampling, .batch_norm = {}});
    test::check_module(net, {.input = {2, 8, 4}});
  }
}

TEST(ModelTable, MakesWhatIsNamed) {
  const ModelTable models{{"lenet", [](const TrainerFlags&) { return std::make_unique<LeNet>(); }},
                          {"fashion_cnn", [](const TrainerFlags&) { return std::make_unique<FashionCnn>(); }}};
  EXPECT_EQ(names_of(models), (std::vector<std::string>{"lenet", "fashion_cnn"}));
  EXPECT_NE(dynamic_cast<FashionCnn*>(make_model(models, {.model = "fashion_cnn"}).get()), nullptr);
  expect_error<UsageError>([&] { make_model(models, {.model = "vgg"}); }, {"got 'vgg'"});
}

}  // namespace
}  // namespace sluice::samples
