#include <sluice/kernels/sigmoid/sigmoid.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Sigmoid, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 5}, Shape{17, 40, 40}})
    check_op({.name = shape.str(true),
              .inputs = {{.name = "x", .shape = shape, .low = -6, .high = 6}},
              .build = [](auto in) { return std::vector{sigmoid(in[0])}; }});
}

TEST(Sigmoid, OfBatchValue) {
  check_op({.name = "batch", .inputs = {{"x", {4, 5}, Scope::batch}}, .build = [](auto in) {
              return std::vector{sigmoid(in[0])};
            }});
}

TEST(Sigmoid, GradientIsDifferentiableInBoth) {
  for (const Scope scope : {Scope::sample, Scope::batch})
    check_op({.name = "sigmoid_grad", .inputs = {{"y", {6}, scope}, {"dy", {6}, scope}}, .build = [](auto in) {
                return std::vector{sigmoid_grad(in[0], in[1])};
              }});
}

// Relative to each value, not to the largest: small probabilities have all their digits.
TEST(Sigmoid, IsStableAtBothEnds) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {-inf, -3e38f, -100, -87, -40, -1, 0, 1, 15, 40, 100, 3e38f, inf};
  Graph graph;
  const Var y = sigmoid(graph.input("x", {}));
  const std::vector<double> got =
      doubles(evaluate_under_test(y, {{"x", Tensor::of<float>({static_cast<std::int64_t>(x.size())}, x)}}));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    EXPECT_NEAR(got[i], exact, 4e-7 * exact + 1e-38) << x[i];
  }
  const Tensor nan = Tensor::of<float>({1}, {std::numeric_limits<float>::quiet_NaN()});
  EXPECT_TRUE(std::isnan(doubles(evaluate_under_test(y, {{"x", nan}}))[0]));
}

// run_kernel checks that padding of blocked layouts holds zeros, which sigmoid itself would not leave there.
TEST(Sigmoid, KeepsLayoutAndPaddingAndWorksInPlace) {
  for (const Shape& shape : {Shape{21, 5, 3}, Shape{16, 4, 4}, Shape{3, 50, 60}}) {
    Graph graph;
    const Var x = graph.input("x", shape);
    sigmoid(x);
    sigmoid_grad(x, x);
    const OpPtr forward = graph.node(0).op, backward = graph.node(1).op;
    const Tensor a = random_tensor(shape.with_leading(2), DType::f32, -4, 4, 1),
                 b = random_tensor(shape.with_leading(2), DType::f32, -1, 1, 2);
    const KernelResult y_plain = run_kernel({.op = forward, .inputs = {{a}}});
    const KernelResult dx_plain = run_kernel({.op = backward, .inputs = {{a}, {b}}});
    for (const Layout& layout : {Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)}) {
      for (const bool in_place : {false, true}) {
        const KernelInput x_as{.value = a, .layout = layout};
        const KernelResult y = run_kernel({.op = forward, .inputs = {x_as}, .in_place = in_place});
        EXPECT_EQ(y.output_layouts[0], layout);
        EXPECT_LT(relative_error(y.outputs[0], y_plain.outputs[0]), 1e-6);
        // dy lies otherwise and is asked to come like y.
        const KernelResult dx = run_kernel({.op = backward, .inputs = {x_as, {b}}, .in_place = in_place});
        EXPECT_EQ(dx.input_layouts[1], layout);
        EXPECT_LT(relative_error(dx.outputs[0], dx_plain.outputs[0]), 1e-6);
      }
    }
  }
}

// Padded in a dimension that is no channel: nothing here finds that padding, so the value comes plain.
TEST(Sigmoid, TakesPaddingItCannotFindPlain) {
  Graph graph;
  sigmoid(graph.input("x", {5, 3, 4}));
  const Tensor x = random_tensor({2, 5, 3, 4}, DType::f32, -4, 4, 1);
  const Layout layout({0, 1, 2, 3}, {{0, 4}});
  const KernelResult y = run_kernel({.op = graph.node(0).op, .inputs = {{.value = x, .layout = layout}}});
  EXPECT_TRUE(y.output_layouts[0].is_plain());
  EXPECT_EQ(relative_error(y.outputs[0], run_kernel({.op = graph.node(0).op, .inputs = {{x}}}).outputs[0]), 0);
}

TEST(Sigmoid, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { sigmoid(g.input("x", {3}, DType::i32)); }, {"sigmoid:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { sigmoid_grad(g.input("y", {3}), g.input("dy", {4})); },
                     {"sigmoid_grad:", "y=f32[N,3]", "dy=f32[N,4]"});
}

}  // namespace
}  // namespace sluice::test
