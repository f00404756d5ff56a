// A convolution and the relu behind it, which devices may do in one pass.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/relu/relu.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/relu_mask.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

TEST(Conv2dRelu, EqualsReferenceAndDifferences) {
  for (const bool bias : {true, false})
    for (const Conv2dOptions& options : {Conv2dOptions{.padding = 1}, Conv2dOptions{.stride = 2}}) {
      OpCase test{.name = options.str() + (bias ? " bias" : ""),
                  .inputs = {{"x", {4, 9, 7}}, {"w", {5, 4, 3, 3}, Scope::batch}},
                  .build = [&](auto in) {
                    const Var y = relu(bias ? conv2d(in[0], in[1], in[2], options) : conv2d(in[0], in[1], options));
                    return std::vector{y, mask_of(y)};
                  }};
      if (bias) test.inputs.push_back({"b", {5}, Scope::batch});
      check_op(test);
    }
}

// What a mask is made of lies as the convolution's result does, channels last where those are: of sizes that end in the
// middle of a word, and that do not allow wide loads.
TEST(Conv2dRelu, MasksOfAnySize) {
  for (const Shape& x : {Shape{1, 1, 1}, Shape{3, 5, 7}, Shape{8, 31, 1}, Shape{2, 63, 65}})
    check_op({.name = x.str(true),
              .inputs = {{"x", x}, {"w", {3, x[0], 1, 1}, Scope::batch}, {"b", {3}, Scope::batch}},
              .build = [](auto in) {
                const Var y = relu(conv2d(in[0], in[1], in[2]));
                return std::vector{y, mask_of(y)};
              }});
}

TEST(Conv2dRelu, PassesNanBothWaysAndClosesAtZero) {
  Graph graph;
  const Var x = graph.input("x", {1, 1, 1}), dy = graph.input("dy", {1, 1, 1});
  const Var y = relu(conv2d(x, graph.constant(1, {1, 1, 1, 1}), graph.constant(0, {1})));
  const Var dx = relu_grad(mask_of(y), dy);
  const Shape shape{6, 1, 1, 1};
  const std::vector<Tensor> got = evaluate_under_test(
      std::vector{y, mask_of(y), dx}, {{"x", Tensor::of<float>(shape, {-1, 0, 2, nan, infinity, -infinity})},
                                       {"dy", Tensor::of<float>(shape, {1, 2, 3, 4, 5, nan})}});
  EXPECT_EQ(relative_error(got[0], Tensor::of<float>(shape, {0, 0, 2, nan, infinity, 0})), 0);
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(doubles(got[2]), (std::vector<double>{0, 0, 3, 4, 5, 0}));
}

// With a workspace and shapes that models have, for which libraries take other algorithms than for one pixel.
TEST(Conv2dRelu, PassesNanWithAnyAlgorithm) {
  constexpr std::int64_t features = 64;
  for (const Shape& image : {Shape{1, 28, 28}, Shape{3, 32, 32}, Shape{48, 14, 14}}) {
    SCOPED_TRACE(image.str());
    Graph graph;
    const Parameter w(random_tensor({features, image[0], 3, 3}, DType::f32, -1, 1, 1), "w");
    const Parameter b(random_tensor({features}, DType::f32, -1, 1, 2), "b");
    const Var y = relu(conv2d(graph.input("x", image), graph.parameter(w), graph.parameter(b), {.padding = 1}));
    Tensor x = random_tensor(image.with_leading(2), DType::f32, -1, 1, 3);
    const std::int64_t columns = image[2], pixel = 5 * columns + 7;
    x.values<float>()[static_cast<std::size_t>(pixel)] = nan;
    const Tensor result = evaluate_under_test(y, {{"x", x}}, {.workspace_cap_bytes = std::size_t{1} << 30});
    const auto values = result.values<float>();
    const std::int64_t pixels = image[1] * columns;
    for (std::int64_t k = 0; k < features; ++k)
      ASSERT_TRUE(std::isnan(values[static_cast<std::size_t>(k * pixels + pixel)])) << "feature " << k;
    for (std::int64_t i = features * pixels; i < 2 * features * pixels; ++i)
      ASSERT_FALSE(std::isnan(values[static_cast<std::size_t>(i)])) << "the other sample, " << i;
  }
}

}  // namespace
}  // namespace sluice::test
