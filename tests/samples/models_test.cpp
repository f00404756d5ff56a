#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/layers/summary.h>

#include "common/model_table.h"
#include "data/idx_files.h"
#include "models/fashion_cnn.h"
#include "models/lenet.h"
#include "models/resnet.h"
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

TEST(BasicBlock, MatchesReference) {
  for (const std::int64_t stride : {1, 2}) {
    BasicBlock block(4, stride == 1 ? 4 : 6, stride, BatchNormMode::local);
    test::check_module(block, {.input = {4, 6, 6}});
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
