#include <sluice/kernels/relu/relu.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Relu, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 5}, Shape{17, 40, 40}})
    check_op(
        {.name = shape.str(true), .inputs = {{"x", shape}}, .build = [](auto in) { return std::vector{relu(in[0])}; }});
}

TEST(Relu, OfBatchValue) {
  check_op({.name = "batch", .inputs = {{"x", {4, 5}, Scope::batch}}, .build = [](auto in) {
              return std::vector{relu(in[0])};
            }});
}

TEST(Relu, GradientIsDifferentiableInDy) {
  check_op({.name = "relu_grad",
            .inputs = {{.name = "y", .shape = {6}, .differentiable = false}, {"dy", {6}}},
            .build = [](auto in) { return std::vector{relu_grad(in[0], in[1])}; }});
}

TEST(Relu, PassesNanAndClosesAtZero) {
  Graph graph;
  const Var y = relu(graph.input("x", {}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor result = evaluate(y, {{"x", Tensor::of<float>({4}, {-1, 0, 2, nan})}});
  EXPECT_EQ(result.values<float>()[0], 0);
  EXPECT_EQ(result.values<float>()[1], 0);
  EXPECT_EQ(result.values<float>()[2], 2);
  EXPECT_TRUE(std::isnan(result.values<float>()[3]));
}

TEST(Relu, KeepsLayoutAndWorksInPlace) {
  Graph graph;
  const Var x = graph.input("x", {21, 5, 3});
  relu(x);
  relu_grad(x, x);
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

TEST(Relu, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { relu(g.input("x", {3}, DType::i32)); }, {"relu:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { relu_grad(g.input("y", {3}), g.input("dy", {4})); },
                     {"relu_grad:", "y=f32[N,3]", "dy=f32[N,4]"});
}

}  // namespace
}  // namespace sluice::test
