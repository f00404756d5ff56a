#include <sluice/kernels/leaky_relu/leaky_relu.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/relu/relu.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(LeakyRelu, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 5}, Shape{17, 40, 40}})
    for (const double slope : {0.01, 0.3, 2.0})
      check_op({.name = shape.str(true), .inputs = {{"x", shape}}, .build = [slope](auto in) {
                  return std::vector{leaky_relu(in[0], slope)};
                }});
}

TEST(LeakyRelu, OfBatchValue) {
  check_op({.name = "batch", .inputs = {{"x", {4, 5}, Scope::batch}}, .build = [](auto in) {
              return std::vector{leaky_relu(in[0])};
            }});
}

TEST(LeakyRelu, GradientIsDifferentiableInDy) {
  check_op({.name = "leaky_relu_grad",
            .inputs = {{.name = "y", .shape = {6}, .differentiable = false}, {"dy", {6}}},
            .build = [](auto in) { return std::vector{leaky_relu_grad(in[0], in[1], 0.2)}; }});
}

TEST(LeakyRelu, PassesNanAndScalesFromZeroDown) {
  Graph graph;
  const Var x = graph.input("x", {});
  const Var y = leaky_relu(x, 0.5);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Tensor values = Tensor::of<float>({6}, {-2, 0, 2, inf, -inf, nan});
  const std::vector<double> got = doubles(evaluate_under_test(y, {{"x", values}}));
  EXPECT_EQ(std::vector(got.begin(), got.end() - 1), (std::vector<double>{-1, 0, 2, inf, -inf}));
  EXPECT_TRUE(std::isnan(got.back()));
  const Var dx = leaky_relu_grad(x, graph.input("dy", {}), 0.5);
  const Tensor dy = Tensor::of<float>({6}, {4, 4, 4, 4, 4, 4});
  EXPECT_EQ(doubles(evaluate_under_test(dx, {{"x", values}, {"dy", dy}})), (std::vector<double>{2, 2, 4, 4, 2, 2}));
}

TEST(LeakyRelu, OfSlopeZeroIsRelu) {
  Graph graph;
  const Var x = graph.input("x", {3});
  EXPECT_EQ(leaky_relu(x, 0), relu(x));
  EXPECT_NE(leaky_relu(x, 0.1), leaky_relu(x, std::nextafter(0.1, 1)));
  const Var dx = leaky_relu_grad(x, graph.input("dy", {3}), 0);
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor values = Tensor::of<float>({1, 3}, {-1, 0, 1}), dy = Tensor::of<float>({1, 3}, {inf, inf, 4});
  EXPECT_EQ(doubles(evaluate_under_test(dx, {{"x", values}, {"dy", dy}})), (std::vector<double>{0, 0, 4}));
}

TEST(LeakyRelu, KeepsLayoutAndWorksInPlace) {
  Graph graph;
  const Var x = graph.input("x", {21, 5, 3});
  leaky_relu(x);
  leaky_relu_grad(x, x, 0.01);
  const OpPtr forward = graph.node(0).op, backward = graph.node(1).op;
  const Tensor a = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 1),
               b = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 2);
  const KernelResult y_plain = run_kernel({.op = forward, .inputs = {{a}}});
  const KernelResult dx_plain = run_kernel({.op = backward, .inputs = {{a}, {b}}});
  for (const Layout& layout : {Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)}) {
    for (const bool in_place : {false, true}) {
      const KernelInput x_as{.value = a, .layout = layout};
      const KernelResult y = run_kernel({.op = forward, .inputs = {x_as}, .in_place = in_place});
      EXPECT_EQ(y.output_layouts[0], layout);
      EXPECT_EQ(relative_error(y.outputs[0], y_plain.outputs[0]), 0);
      // dy lies otherwise and is asked to come like y.
      const KernelResult dx = run_kernel({.op = backward, .inputs = {x_as, {b}}, .in_place = in_place});
      EXPECT_EQ(dx.input_layouts[1], layout);
      EXPECT_EQ(relative_error(dx.outputs[0], dx_plain.outputs[0]), 0);
    }
  }
}

TEST(LeakyRelu, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { leaky_relu(g.input("x", {3}, DType::i32)); }, {"leaky_relu:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { leaky_relu(g.input("x", {3}), -0.5); },
                     {"leaky_relu: slope out of range: -0.5", "x=f32[N,3]", "0 <= slope"});
  expect_shape_error([](Graph& g) { leaky_relu(g.input("x", {3}), std::stod("nan")); }, {"slope out of range: nan"});
  expect_shape_error([](Graph& g) { leaky_relu_grad(g.input("y", {3}), g.input("dy", {4}), 0.1); },
                     {"leaky_relu_grad:", "y=f32[N,3]", "dy=f32[N,4]"});
  expect_shape_error([](Graph& g) { leaky_relu_grad(g.input("y", {3}), g.input("dy", {3}), -1); },
                     {"leaky_relu_grad: slope out of range"});
}

}  // namespace
}  // namespace sluice::test
