#include <sluice/kernels/softmax/softmax.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/reduce/reduce.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

const Shape shapes[] = {{1}, {2}, {10}, {1000}, {3, 5, 7}, {1, 4, 4}, {21, 9, 15}, {32, 8, 8}, {40, 3, 1}, {5, 6}};

TEST(Softmax, EqualsReferenceAndDifferences) {
  for (const Shape& shape : shapes)
    check_op({.name = shape.str(true),
              .inputs = {{.name = "x", .shape = shape, .low = -5, .high = 5}},
              .build = [](auto in) { return std::vector{softmax(in[0])}; }});
}

TEST(Softmax, GradientIsDifferentiableInDy) {
  for (const Shape& shape : shapes)
    check_op({.name = shape.str(true),
              .inputs = {{.name = "y", .shape = shape, .low = 0, .high = 1, .differentiable = false}, {"dy", shape}},
              .build = [](auto in) { return std::vector{softmax_grad(in[0], in[1])}; }});
}

// run_kernel checks that padding of blocked layouts holds zeros.
TEST(Softmax, TakesEveryLayoutAndWorksInPlace) {
  for (const Shape& shape : {Shape{21, 9, 15}, Shape{32, 5, 3}, Shape{3, 4, 4}}) {
    Graph graph;
    const Var x = graph.input("x", shape);
    softmax_grad(softmax(x), x);
    const OpPtr forward = graph.node(0).op, backward = graph.node(1).op;
    const Tensor a = random_tensor(shape.with_leading(2), DType::f32, -5, 5, 1),
                 y = random_tensor(shape.with_leading(2), DType::f32, 0, 1, 2),
                 dy = random_tensor(shape.with_leading(2), DType::f32, -1, 1, 3);
    const KernelResult expected = run_kernel({.op = forward, .inputs = {{a}}, .device = Device::reference()});
    const KernelResult expected_dx = run_kernel({.op = backward, .inputs = {{y}, {dy}}, .device = Device::reference()});
    for (const Layout& layout :
         {Layout(), Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)}) {
      for (const bool in_place : {false, true}) {
        SCOPED_TRACE(layout.str(4));
        const KernelResult got =
            run_kernel({.op = forward, .inputs = {{.value = a, .layout = layout}}, .in_place = in_place});
        EXPECT_EQ(got.output_layouts[0], layout);
        EXPECT_LT(relative_error(got.outputs[0], expected.outputs[0]), 1e-6);
        // dy lies otherwise and is asked to come like y.
        const KernelResult dx =
            run_kernel({.op = backward, .inputs = {{.value = y, .layout = layout}, {dy}}, .in_place = in_place});
        EXPECT_EQ(dx.input_layouts[1], layout);
        EXPECT_LT(relative_error(dx.outputs[0], expected_dx.outputs[0]), 2e-6);
      }
    }
  }
}

// A sum over dy that is not finite must not reach the padding.
TEST(Softmax, GradientKeepsPaddingZeroWhateverDyIs) {
  Graph graph;
  const Var x = graph.input("x", {3, 2, 2});
  softmax_grad(x, x);
  Tensor dy = random_tensor({1, 3, 2, 2}, DType::f32, -1, 1, 1);
  dy.values<float>()[0] = std::numeric_limits<float>::infinity();
  run_kernel(
      {.op = graph.node(0).op,
       .inputs = {{.value = random_tensor({1, 3, 2, 2}, DType::f32, 0, 1, 2), .layout = Layout::channel_blocked(16)},
                  {dy}}});
}

TEST(Softmax, DoesNotOverflow) {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  Graph graph;
  const Tensor x = Tensor::of<float>({6, 2}, {1000, 0, -3e38f, 3e38f, -1000, -1000, -inf, 0, nan, 0, 0, nan});
  const std::vector<double> y = doubles(evaluate_under_test(softmax(graph.input("x", {2})), {{"x", x}}));
  EXPECT_EQ(std::vector(y.begin(), y.begin() + 8), (std::vector<double>{1, 0, 0, 1, 0.5, 0.5, 0, 1}));
  for (std::size_t i = 8; i < 12; ++i) EXPECT_TRUE(std::isnan(y[i])) << i;
  // The same where positions lie beside each other, of which one NaN must not spread.
  Graph maps;
  const Tensor map = Tensor::of<float>({1, 2, 4}, {1000, -inf, nan, 7, 0, 0, 0, 7});
  const std::vector<double> z = doubles(evaluate_under_test(softmax(maps.input("x", {2, 4})), {{"x", map}}));
  const std::vector<double> expected = {1, 0, nan, 0.5, 0, 1, nan, 0.5};
  for (std::size_t i = 0; i < z.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(z[i])) << i;
    else
      EXPECT_EQ(z[i], expected[i]) << i;
  }
}

TEST(Softmax, HasNoSecondDerivative) {
  Graph graph;
  const Var x = graph.input("x", {3});
  const Var dx = differentiate(batch_sum(sum_per_sample(softmax(x))), std::vector{x})[0];
  EXPECT_THROW(differentiate(batch_sum(sum_per_sample(dx)), std::vector{x}), ShapeError);
}

TEST(Softmax, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { softmax(g.input("x", {})); }, {"softmax: x has no channels", "x=f32[N]"});
  expect_shape_error([](Graph& g) { softmax(g.input("x", {3}, DType::i32)); }, {"softmax:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { softmax_grad(g.input("y", {3}), g.input("dy", {4})); },
                     {"softmax_grad:", "y=f32[N,3]", "dy=f32[N,4]"});
}

}  // namespace
}  // namespace sluice::test
