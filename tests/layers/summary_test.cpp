#include <sluice/layers/summary.h>

#include <sstream>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/layers/layers.h>

namespace sluice::test {
namespace {

Sequential small_net() {
  return Sequential(Conv2d({.in = 1, .out = 8, .kernel = 3, .padding = 1}), ReLU(), MaxPool2d(2), Flatten(),
                    Linear({.in = 392, .out = 10}));
}

TEST(Summary, CountsWhatEachLayerIs) {
  Sequential net = small_net();
  const Summary s = summary(net, {1, 14, 14});
  ASSERT_EQ(s.rows.size(), 5u);
  const SummaryRow &conv = s.rows[0], &relu = s.rows[1], &pool = s.rows[2], &flatten = s.rows[3], &linear = s.rows[4];
  EXPECT_EQ(conv.layer, "0");
  EXPECT_EQ(conv.module, "Conv2d(1, 8, kernel=3x3, padding=1x1)");
  EXPECT_EQ(conv.output, (Shape{8, 14, 14}));
  EXPECT_EQ(conv.parameters, 8 * 9 + 8);
  EXPECT_NEAR(conv.flops, 2.0 * 9 * 8 * 14 * 14, 8 * 14 * 14);  // with or without the bias
  EXPECT_EQ(conv.activation_bytes, 8u * 14 * 14 * 4);
  EXPECT_EQ(relu.activation_bytes, 8u * 14 * 14 / 8);  // in place, but for a bit an element
  EXPECT_EQ(relu.output, conv.output);
  EXPECT_EQ(pool.output, (Shape{8, 7, 7}));
  EXPECT_EQ(pool.activation_bytes, 8u * 7 * 7 * (4 + 1));  // and which element it was
  EXPECT_EQ(flatten.output, (Shape{392}));
  EXPECT_EQ(flatten.activation_bytes, 0u);  // a view
  EXPECT_EQ(linear.parameters, 3930);
  EXPECT_NEAR(linear.flops, 2.0 * 392 * 10, 10);
  EXPECT_EQ(s.parameters, 80 + 3930);
  EXPECT_EQ(s.trainable_parameters, s.parameters);
  EXPECT_EQ(s.activation_bytes,
            conv.activation_bytes + relu.activation_bytes + pool.activation_bytes + linear.activation_bytes);
  EXPECT_DOUBLE_EQ(s.flops, conv.flops + relu.flops + pool.flops + flatten.flops + linear.flops);
}

TEST(Summary, ShowsOnlyModulesThatDoSomething) {
  Sequential net(small_net(), Dropout(0.5));
  net.set_training(false);
  net[0].set_trainable(false);
  const Summary s = summary(net, {1, 14, 14});
  ASSERT_EQ(s.rows.size(), 6u);  // not the inner Sequential, but the Dropout, which is a layer even where it rests
  EXPECT_EQ(s.rows[0].layer, "0.0");
  EXPECT_EQ(s.rows[5].module, "Dropout(0.5)");
  EXPECT_EQ(s.trainable_parameters, 0);
}

/// Computes something between its children, and has a parameter of its own.
class Scaled final : public Module {
 public:
  Var forward(Var x) override { return relu_(x.graph().parameter(scale_) ? layer_(x) : x); }
  void children(const ChildVisitor& visit) override { visit("layer", layer_), visit("relu", relu_); }
  void parameters(const ParameterVisitor& visit) override { visit("scale", scale_); }

 private:
  Linear layer_{{.in = 3, .out = 3}};
  ReLU relu_;
  Parameter scale_{Tensor({3})};
};

TEST(Summary, ContainersWithParametersHaveARow) {
  Scaled net;
  const Summary s = summary(net, {3});
  ASSERT_EQ(s.rows.size(), 3u);
  EXPECT_EQ(s.rows[0].layer, "");
  EXPECT_EQ(s.rows[0].parameters, 3);
  EXPECT_EQ(s.parameters, 3 + 12);
}

TEST(Summary, Prints) {
  Sequential net = small_net();
  std::ostringstream text;
  text << summary(net, {1, 14, 14});
  for (const char* part :
       {"layer", "FLOPs", "Conv2d(1, 8, kernel=3x3, padding=1x1)", "[N,8,14,14]", "[N,10]", "4010", "total"})
    EXPECT_NE(text.str().find(part), std::string::npos) << part << " in\n" << text.str();
}

TEST(Summary, RejectsAnInputThatDoesNotFit) {
  Sequential net = small_net();
  EXPECT_THROW(summary(net, {3, 14, 14}), ShapeError);
}

}  // namespace
}  // namespace sluice::test
