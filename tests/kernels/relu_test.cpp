#include <sluice/kernels/relu/relu.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/relu_mask.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

std::vector<Var> with_mask(Var y) { return {y, mask_of(y)}; }

TEST(Relu, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 5}, Shape{17, 40, 40}})
    check_op(
        {.name = shape.str(true), .inputs = {{"x", shape}}, .build = [](auto in) { return with_mask(relu(in[0])); }});
}

// Words that are filled to the last bit, one less, one more; and those where two threads meet.
TEST(Relu, OfAnyNumberOfElements) {
  for (const std::int64_t size : {1, 31, 32, 33, 64, 95, 32767, 32768, 50001})
    check_op({.name = std::to_string(size),
              .inputs = {{"x", {size}}},
              .build = [](auto in) { return with_mask(relu(in[0])); },
              .samples = 1});
}

TEST(Relu, OfBatchValue) {
  check_op({.name = "batch", .inputs = {{"x", {4, 5}, Scope::batch}}, .build = [](auto in) {
              return with_mask(relu(in[0]));
            }});
}

TEST(Relu, GradientIsDifferentiableInDy) {
  check_op({.name = "relu_grad",
            .inputs = {{.name = "x", .shape = {6}, .differentiable = false}, {"dy", {6}}},
            .build = [](auto in) { return std::vector{relu_grad(mask_of(relu(in[0])), in[1])}; }});
}

TEST(Relu, PassesNanBothWaysAndClosesAtZero) {
  Graph graph;
  const Var y = relu(graph.input("x", {})), dx = relu_grad(mask_of(y), graph.input("dy", {}));
  const Tensor x = Tensor::of<float>({7}, {-1, 0, -0.0f, 2, nan, infinity, -infinity}),
               dy = Tensor::of<float>({7}, {infinity, nan, 4, 5, 6, 7, infinity});
  const std::vector<Tensor> got = evaluate_under_test(std::vector{y, mask_of(y), dx}, {{"x", x}, {"dy", dy}});
  EXPECT_EQ(relative_error(got[0], Tensor::of<float>({7}, {0, 0, 0, 2, nan, infinity, 0})), 0);
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{0, 0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(doubles(got[2]), (std::vector<double>{0, 0, 0, 5, 6, 7, 0}));
}

// Nothing but whole words is special, so each edge also stands where words are made many at a time.
TEST(Relu, EdgesOfTheNumberLineInEveryPlace) {
  constexpr std::int64_t size = 200;
  Graph graph;
  const Var y = relu(graph.input("x", {size}));
  for (const float edge : {nan, -nan, -0.0f, std::numeric_limits<float>::denorm_min(), -infinity, infinity}) {
    const Tensor got = evaluate_under_test(mask_of(y), {{"x", [&] {
                                                           Tensor x({1, size});
                                                           for (float& value : x.values<float>()) value = edge;
                                                           return x;
                                                         }()}});
    for (const std::uint8_t bit : got.values<std::uint8_t>()) EXPECT_EQ(bit, edge <= 0 ? 0 : 1) << edge;
  }
}

TEST(Relu, KeepsLayoutAndWorksInPlace) {
  Graph graph;
  const Var y_var = relu(graph.input("x", {21, 5, 3}));
  relu_grad(mask_of(y_var), y_var);
  const OpPtr forward = graph.node(0).op, backward = graph.node(1).op;
  const Tensor x = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 1),
               dy = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 2);
  Tensor y(x.shape()), mask(x.shape(), DType::u8), dx(x.shape());
  for (std::size_t i = 0; i < x.values<float>().size(); ++i) {
    const bool open = x.values<float>()[i] > 0;
    y.values<float>()[i] = open ? x.values<float>()[i] : 0;
    mask.values<std::uint8_t>()[i] = open ? 1 : 0;
    dx.values<float>()[i] = open ? dy.values<float>()[i] : 0;
  }
  for (const Layout& layout :
       {Layout(), Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)})
    for (const bool in_place : {false, true}) {
      const KernelResult f = run_kernel({.op = forward, .inputs = {{x, {}, layout}}, .in_place = in_place});
      EXPECT_EQ(f.output_layouts, (std::vector{layout, layout}));
      EXPECT_EQ(relative_error(f.outputs[0], y), 0);
      EXPECT_EQ(relative_error(f.outputs[1], mask), 0);
      // dy lies otherwise and is asked to come like the mask.
      const KernelInput bits{
          .value = mask, .layout = layout, .spec = ValueSpec{.shape = {21, 5, 3}, .dtype = DType::bit}};
      const KernelResult b = run_kernel({.op = backward, .inputs = {bits, {dy}}, .in_place = in_place});
      EXPECT_EQ(b.input_layouts[1], layout);
      EXPECT_EQ(b.output_layouts[0], layout);
      EXPECT_EQ(relative_error(b.outputs[0], dx), 0);
    }
}

TEST(Relu, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { relu(g.input("x", {3}, DType::i32)); }, {"relu:", "i32[N,3]"});
  expect_shape_error([](Graph& g) { relu_grad(mask_of(relu(g.input("x", {3}))), g.input("dy", {4})); },
                     {"relu_grad:", "mask=bit[N,3]", "dy=f32[N,4]"});
  expect_shape_error([](Graph& g) { relu_grad(g.input("y", {3}), g.input("dy", {3})); },
                     {"relu_grad:", "mask=f32[N,3]", "expected bit"});
}

}  // namespace
}  // namespace sluice::test
