#include <sluice/layers/layers.h>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

#include "support/check_module.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

template <class Make>
std::string usage_error(const Make& make) {
  try {
    make();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no UsageError";
}

TEST(Conv2dLayer, MatchesReference) {
  Conv2d plain({.in = 3, .out = 8, .kernel = 3, .padding = 1});
  check_module(plain, {.input = {3, 7, 6}});
  Conv2d all(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
  check_module(all, {.input = {4, 9, 8}});
  Conv2d without_bias({.in = 2, .out = 3, .kernel = 1, .bias = false});
  EXPECT_FALSE(without_bias.bias());
  EXPECT_EQ(all_parameters(without_bias).size(), 1u);
  check_module(without_bias, {.input = {2, 4, 4}});
}

TEST(Conv2dLayer, ParametersHaveTheirShapes) {
  Conv2d conv({.in = 4, .out = 6, .kernel = {3, 2}, .groups = 2});
  EXPECT_EQ(conv.weight().shape(), (Shape{6, 2, 3, 2}));
  EXPECT_EQ(conv.bias().shape(), (Shape{6}));
}

// A graph holds equal nodes once: the layer is the op with these options when both give the same Var.
TEST(Conv2dLayer, PassesItsOptionsOn) {
  Conv2d layer(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
  Graph graph;
  const Var x = graph.input("x", {4, 9, 8});
  EXPECT_EQ(layer(x), conv2d(x, graph.parameter(layer.weight()), graph.parameter(layer.bias()),
                             {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2}));
}

TEST(Conv2dLayer, RejectsBadOptions) {
  const std::string in = usage_error([] { Conv2d({.in = 0, .out = 4, .kernel = 3}); });
  EXPECT_NE(in.find("Conv2d(0, 4, kernel=3x3"), std::string::npos) << in;
  EXPECT_NE(in.find("expected in, out"), std::string::npos) << in;
  const std::string kernel = usage_error([] { Conv2d({.in = 1, .out = 4}); });
  EXPECT_NE(kernel.find("kernel=0x0"), std::string::npos) << kernel;
  const std::string groups = usage_error([] { Conv2d({.in = 4, .out = 6, .kernel = 3, .groups = 4}); });
  EXPECT_NE(groups.find("groups do not divide"), std::string::npos) << groups;
  EXPECT_NE(usage_error([] { Conv2d({.in = 1, .out = 1, .kernel = 3, .padding = -1}); }), "no UsageError");
  EXPECT_NE(usage_error([] { Conv2d({.in = 1, .out = 1, .kernel = 3, .stride = 0}); }), "no UsageError");
}

TEST(ConvTranspose2dLayer, MatchesReference) {
  ConvTranspose2d twice({.in = 4, .out = 3, .kernel = 2, .stride = 2});
  check_module(twice, {.input = {4, 3, 5}});
  ConvTranspose2d all({.in = 4,
                       .out = 6,
                       .kernel = {3, 2},
                       .stride = {2, 1},
                       .padding = {1, 0},
                       .output_padding = {1, 0},
                       .dilation = {1, 2},
                       .groups = 2,
                       .bias = false});
  EXPECT_EQ(all.weight().shape(), (Shape{4, 3, 3, 2}));
  EXPECT_FALSE(all.bias());
  check_module(all, {.input = {4, 5, 4}});
}

TEST(ConvTranspose2dLayer, PassesItsOptionsOn) {
  ConvTranspose2d layer({.in = 4,
                         .out = 6,
                         .kernel = {3, 2},
                         .stride = {2, 3},
                         .padding = {1, 0},
                         .output_padding = {1, 2},
                         .dilation = {1, 2},
                         .groups = 2});
  Graph graph;
  const Var x = graph.input("x", {4, 5, 4});
  EXPECT_EQ(layer(x),
            conv_transpose2d(
                x, graph.parameter(layer.weight()), graph.parameter(layer.bias()),
                {.stride = {2, 3}, .padding = {1, 0}, .output_padding = {1, 2}, .dilation = {1, 2}, .groups = 2}));
  EXPECT_EQ(layer.str(),
            "ConvTranspose2d(4, 6, kernel=3x2, stride=2x3, padding=1x0, output_padding=1x2, dilation=1x2, groups=2)");
}

// Behind a ReLU half of what comes in is zero: the result has the variance of what the ReLU saw.
TEST(ConvTranspose2dLayer, StartsWithTheScaleOfItsInput) {
  ConvTranspose2d layer({.in = 256, .out = 64, .kernel = 4, .stride = 2, .padding = 1});
  initialize(layer, 1);
  const std::vector<double> weights = doubles(layer.weight().read());
  double squares = 0;
  for (const double w : weights) squares += w * w;
  EXPECT_NEAR(squares / static_cast<double>(weights.size()) * 256 * 4, 2, 0.02);
}

TEST(ConvTranspose2dLayer, RejectsBadOptions) {
  const auto text = [](const ConvTranspose2d::Options& options) {
    return usage_error([&] { ConvTranspose2d layer(options); });
  };
  EXPECT_NE(text({.in = 0, .out = 4, .kernel = 3}).find("ConvTranspose2d(0, 4, kernel=3x3"), std::string::npos);
  EXPECT_NE(text({.in = 1, .out = 4, .kernel = 3, .output_padding = 1}).find("output_padding < max(stride, dilation)"),
            std::string::npos);
  EXPECT_NE(text({.in = 4, .out = 6, .kernel = 3, .groups = 4}).find("groups do not divide"), std::string::npos);
}

TEST(LinearLayer, MatchesReference) {
  Linear linear({.in = 7, .out = 5});
  check_module(linear, {.input = {7}});
  Linear without_bias({.in = 3, .out = 1, .bias = false});
  EXPECT_EQ(all_parameters(without_bias).size(), 1u);
  check_module(without_bias, {.input = {3}});
}

TEST(LinearLayer, RejectsBadOptions) {
  const std::string text = usage_error([] { Linear({.in = 3}); });
  EXPECT_NE(text.find("Linear(3, 0)"), std::string::npos) << text;
}

TEST(BatchNorm2dLayer, MatchesReference) {
  for (const BatchNormMode mode : {BatchNormMode::local, BatchNormMode::exact}) {
    BatchNorm2d layer({.channels = 5, .mode = mode});
    check_module(layer, {.input = {5, 4, 3}});
  }
  BatchNorm2d frozen(5);
  frozen.freeze_statistics();
  check_module(frozen, {.input = {5, 4, 3}});
  BatchNorm2d evaluated(5);
  evaluated.set_training(false);
  check_module(evaluated, {.input = {5, 4, 3}});
}

TEST(BatchNorm2dLayer, RunningStatisticsAreBuffers) {
  BatchNorm2d layer(3);
  initialize(layer, 1);
  layer.set_trainable(true);
  EXPECT_FALSE(layer.running_mean().trainable());
  EXPECT_TRUE(layer.running_var().is_buffer());
  EXPECT_EQ(doubles(layer.running_var().read()), (std::vector<double>{1, 1, 1}));
  Graph training, evaluation, frozen;
  layer(training.input("x", {3, 4, 4}));
  EXPECT_EQ(training.writers().size(), 1u);
  layer.set_training(false);
  layer(evaluation.input("x", {3, 4, 4}));
  EXPECT_TRUE(evaluation.writers().empty());
  layer.set_training(true);
  layer.freeze_statistics();
  layer(frozen.input("x", {3, 4, 4}));
  EXPECT_TRUE(frozen.writers().empty());
}

TEST(BatchNorm2dLayer, NormalisesByFrozenStatisticsInTraining) {
  BatchNorm2d layer({.channels = 2, .eps = 1e-3});
  initialize(layer, 1);
  Parameter(layer.running_mean()).write(Tensor::of<float>({2}, {1, -2}));
  Parameter(layer.running_var()).write(Tensor::of<float>({2}, {4, 0.25f}));
  Parameter(layer.weight()).write(Tensor::of<float>({2}, {3, 1}));
  Parameter(layer.bias()).write(Tensor::of<float>({2}, {0, 5}));
  layer.freeze_statistics();
  Graph graph;
  const Tensor y = evaluate(layer(graph.input("x", {2, 1, 1})), {{"x", Tensor::of<float>({1, 2, 1, 1}, {7, -1})}});
  EXPECT_NEAR(y.values<float>()[0], 3 * (7 - 1) / std::sqrt(4.001), 1e-5);
  EXPECT_NEAR(y.values<float>()[1], (-1 + 2) / std::sqrt(0.251) + 5, 1e-5);
}

TEST(BatchNorm2dLayer, SaysThatChannelsDiffer) {
  Sequential net(ReLU(), BatchNorm2d(16));
  for (const bool training : {true, false}) {
    net.set_training(training);
    Graph graph;
    try {
      net(graph.input("x", {8, 4, 4}));
      FAIL() << "expected a ShapeError";
    } catch (const ShapeError& error) {
      EXPECT_STREQ(error.what(),
                   "batch_norm: channels differ; got x with 8 channels, f32[N,8,4,4]; expected 16 (in layer 1: "
                   "BatchNorm2d(16))");
    }
  }
}

TEST(BatchNorm2dLayer, RejectsBadOptions) {
  EXPECT_NE(usage_error([] { BatchNorm2d(0); }).find("BatchNorm2d(0)"), std::string::npos);
  EXPECT_NE(usage_error([] { BatchNorm2d({.channels = 3, .eps = 0}); }).find("eps > 0"), std::string::npos);
  EXPECT_NE(usage_error([] { BatchNorm2d({.channels = 3, .momentum = 2}); }), "no UsageError");
}

TEST(StatelessLayers, MatchReference) {
  ReLU relu;
  check_module(relu, {.input = {3, 4, 5}});
  LeakyReLU leaky(0.2);
  check_module(leaky, {.input = {3, 4, 5}});
  Sigmoid sigmoid;
  check_module(sigmoid, {.input = {3, 4, 5}});
  Softmax softmax;
  check_module(softmax, {.input = {3, 4, 5}});
  MaxPool2d tiles(2);
  check_module(tiles, {.input = {3, 6, 4}});
  MaxPool2d overlapping({.kernel = 3, .stride = 2, .padding = 1});
  check_module(overlapping, {.input = {2, 7, 7}});
  AvgPool2d means({.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false});
  check_module(means, {.input = {2, 7, 7}});
  GlobalAvgPool2d mean;
  check_module(mean, {.input = {5, 3, 4}});
  for (const Size2d size : {Size2d(1), Size2d(2, 3)}) {
    AdaptiveAvgPool2d adaptive(size);
    check_module(adaptive, {.input = {5, 3, 4}});
  }
  UpsampleNearest2d larger({2, 3});
  check_module(larger, {.input = {5, 3, 4}});
  Flatten flatten;
  check_module(flatten, {.input = {2, 3, 4}});
  Dropout dropout(0.4);
  check_module(dropout, {.input = {4, 3, 3}});
}

TEST(StatelessLayers, PassTheirOptionsOn) {
  Graph graph;
  const Var x = graph.input("x", {2, 7, 7});
  const MaxPool2dOptions options{.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}};
  MaxPool2d layer(options);
  EXPECT_EQ(layer(x), max_pool2d(x, options));
  MaxPool2d tiles(2);
  EXPECT_EQ(tiles(x), max_pool2d(x, {.kernel = 2, .stride = 2}));
  const AvgPool2dOptions mean{.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .count_include_pad = false};
  AvgPool2d means(mean);
  EXPECT_EQ(means(x), avg_pool2d(x, mean));
  EXPECT_EQ(means.str(), "AvgPool2d(3x2, stride=2x1, padding=1x0, count_include_pad=false)");
  AvgPool2d mean_tiles(2);
  EXPECT_EQ(mean_tiles(x), avg_pool2d(x, {.kernel = 2, .stride = 2}));
  EXPECT_EQ(mean_tiles.str(), "AvgPool2d(2x2)");
  AdaptiveAvgPool2d adaptive({2, 3});
  EXPECT_EQ(adaptive(x), adaptive_avg_pool2d(x, {2, 3}));
  EXPECT_EQ(adaptive.str(), "AdaptiveAvgPool2d(2x3)");
  UpsampleNearest2d larger({2, 3});
  EXPECT_EQ(larger(x), upsample_nearest2d(x, {2, 3}));
  EXPECT_EQ(larger.str(), "UpsampleNearest2d(2x3)");
  LeakyReLU leaky(0.2);
  EXPECT_EQ(leaky(x), leaky_relu(x, 0.2));
  EXPECT_EQ(leaky.str(), "LeakyReLU(0.2)");
  EXPECT_EQ(LeakyReLU()(x), leaky_relu(x, 0.01));
}

TEST(StatelessLayers, RejectBadOptions) {
  EXPECT_NE(usage_error([] { MaxPool2d(0); }), "no UsageError");
  EXPECT_NE(usage_error([] { MaxPool2d({.kernel = 2, .stride = -1}); }), "no UsageError");
  EXPECT_NE(usage_error([] { MaxPool2d({.kernel = 3, .padding = 2}); }), "no UsageError");
  EXPECT_NE(usage_error([] { AvgPool2d(0); }), "no UsageError");
  EXPECT_NE(usage_error([] { LeakyReLU(-0.1); }), "no UsageError");
  EXPECT_NE(usage_error([] { LeakyReLU(std::stod("nan")); }), "no UsageError");
  EXPECT_NE(usage_error([] { AvgPool2d({.kernel = 3, .padding = 2}); }), "no UsageError");
  EXPECT_NE(usage_error([] { AdaptiveAvgPool2d({2, 0}); }), "no UsageError");
  EXPECT_NE(usage_error([] { UpsampleNearest2d({2, 0}); }), "no UsageError");
  EXPECT_NE(usage_error([] { Dropout(1.0); }), "no UsageError");
  EXPECT_NE(usage_error([] { Dropout(-0.1); }), "no UsageError");
  EXPECT_NE(usage_error([] { Dropout(std::stod("nan")); }), "no UsageError");
}

TEST(DropoutLayer, ActsOnlyInTraining) {
  Dropout dropout(0.5);
  Graph graph;
  const Var x = graph.input("x", {100});
  EXPECT_NE(dropout(x), x);
  dropout.set_training(false);
  EXPECT_EQ(dropout(x), x);
  dropout.set_training(true);
  dropout.set_rate(0);
  EXPECT_EQ(dropout(x), x);
}

TEST(SequentialLayer, ComposesAndOwns) {
  Sequential net(Conv2d({.in = 2, .out = 4, .kernel = 3, .padding = 1}), ReLU(), MaxPool2d(2), Flatten(),
                 Linear({.in = 64, .out = 5}));
  EXPECT_EQ(net.size(), 5u);
  EXPECT_EQ(net[1].str(), "ReLU");
  check_module(net, {.input = {2, 8, 8}});
  const std::vector<Parameter> parameters = all_parameters(net);
  ASSERT_EQ(parameters.size(), 4u);
  EXPECT_EQ(parameters[0].name(), "0.weight");
  EXPECT_EQ(parameters[3].name(), "4.bias");

  Sequential nested(std::move(net), Dropout(0.1));  // a module like any other
  nested.add(Linear({.in = 5, .out = 2}));
  check_module(nested, {.input = {2, 8, 8}});
  EXPECT_EQ(all_parameters(nested)[0].name(), "0.0.weight");
  EXPECT_EQ(all_parameters(nested)[4].name(), "2.weight");
}

TEST(SequentialLayer, EmptyIsIdentity) {
  Sequential none;
  Graph graph;
  const Var x = graph.input("x", {3});
  EXPECT_EQ(none(x), x);
}

}  // namespace
}  // namespace sluice::test
