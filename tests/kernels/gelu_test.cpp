#include <sluice/kernels/gelu/gelu.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Gelu, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 5}, Shape{17, 40, 40}})
    check_op({.name = shape.str(true),
              .inputs = {{.name = "x", .shape = shape, .low = -4, .high = 4}},
              .build = [](auto in) { return std::vector{gelu(in[0])}; }});
}

TEST(Gelu, OfBatchValue) {
  check_op({.name = "batch", .inputs = {{"x", {4, 5}, Scope::batch}}, .build = [](auto in) {
              return std::vector{gelu(in[0])};
            }});
}

TEST(Gelu, GradientIsDifferentiableInDy) {
  check_op({.name = "gelu_grad",
            .inputs = {{.name = "x", .shape = {6}, .differentiable = false}, {"dy", {6}}},
            .build = [](auto in) { return std::vector{gelu_grad(in[0], in[1])}; }});
}

TEST(Gelu, HasNoSecondDerivative) {
  expect_shape_error(
      [](Graph& g) {
        const Var x = g.input("x", {});
        differentiate(batch_sum(gelu_grad(x, g.input("dy", {}))), std::array{x});
      },
      {"gelu_grad:", "not differentiable"});
}

// The reference shares the functors with the kernel, so a wrong constant shows only against numbers from elsewhere.
TEST(Gelu, KnownValues) {
  const std::vector<float> at{-8, -5, -1, -0.5, 0, 0.5, 1, 3, 100};
  // Python: x * erfc(-x / sqrt(2)) / 2, and erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi).
  const std::vector<double> values{-4.976768459e-15,
                                   -1.433257859e-06,
                                   -0.1586552539,
                                   -0.1542687694,
                                   0,
                                   0.3457312306,
                                   0.8413447461,
                                   2.995950306,
                                   100};
  const std::vector<double> slopes{
      -3.979607261e-14, -7.146946002e-06, -0.08331547059, 0.1325048753, 0.5, 0.8674951247, 1.083315471, 1.011945647, 1};
  Graph graph;
  const Var x = graph.input("x", {}), dy = graph.input("dy", {});
  const Tensor xs = Tensor::of<float>({9}, at), ones = Tensor::of<float>({9}, std::vector<float>(9, 1));
  const Tensor y = evaluate_under_test(gelu(x), {{"x", xs}}),
               dx = evaluate_under_test(gelu_grad(x, dy), {{"x", xs}, {"dy", ones}});
  for (std::size_t i = 0; i < at.size(); ++i) {
    EXPECT_NEAR(y.values<float>()[i], values[i], 4e-6 * std::abs(values[i])) << "x=" << at[i];
    EXPECT_NEAR(dx.values<float>()[i], slopes[i], 1e-5 * std::abs(slopes[i])) << "x=" << at[i];
  }
}

TEST(Gelu, PassesNan) {
  Graph graph;
  const Var y = gelu(graph.input("x", {}));
  const Tensor result =
      evaluate_under_test(y, {{"x", Tensor::of<float>({1}, {std::numeric_limits<float>::quiet_NaN()})}});
  EXPECT_TRUE(std::isnan(result.values<float>()[0]));
}

TEST(Gelu, KeepsLayoutAndWorksInPlace) {
  Graph graph;
  const Var x = graph.input("x", {21, 5, 3});
  gelu(x);
  gelu_grad(x, x);
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
      EXPECT_LT(relative_error(y.outputs[0], y_plain.outputs[0]), 1e-6);
      const KernelResult dx = run_kernel({.op = backward, .inputs = {x_as, {b}}, .in_place = in_place});
      EXPECT_EQ(dx.input_layouts[1], layout);
      EXPECT_LT(relative_error(dx.outputs[0], dx_plain.outputs[0]), 1e-6);
    }
  }
}

TEST(Gelu, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { gelu(g.input("x", {3}, DType::i32)); }, {"gelu:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { gelu_grad(g.input("x", {3}), g.input("dy", {4})); },
                     {"gelu_grad:", "x=f32[N,3]", "dy=f32[N,4]"});
  expect_shape_error([](Graph& g) { gelu_grad(g.input("x", {3}, DType::i32), g.input("dy", {3}, DType::i32)); },
                     {"gelu_grad:", "x is not floating", "x=i32[N,3]"});
}

}  // namespace
}  // namespace sluice::test
