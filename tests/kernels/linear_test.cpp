#include <sluice/kernels/linear/linear.h>

#include <gtest/gtest.h>

#include "support/check_op.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Sizes {
  std::int64_t n, features, outputs;
};
const Sizes sizes[] = {{1, 1, 1},     {3, 7, 5},    {3, 128, 10},   {1, 512, 10},
                       {64, 784, 10}, {7, 100, 33}, {64, 256, 128}, {256, 40, 3}};

Tensor random(const Shape& shape, std::uint64_t seed) { return random_tensor(shape, DType::f32, -1, 1, seed); }

/// The three ops of one linear layer, by building them.
struct Ops {
  explicit Ops(const Sizes& s) {
    const Var x = graph.input("x", {s.features}), dy = graph.input("dy", {s.outputs});
    const Var w = graph.parameter(Parameter(Tensor({s.outputs, s.features}), "w"));
    const Var b = graph.parameter(Parameter(Tensor({s.outputs}), "b"));
    forward = op_of(linear(x, w));
    forward_with_bias = op_of(linear(x, w, b));
    grad_input = op_of(linear_grad_input(dy, w));
    grad_weight = op_of(linear_grad_weight(x, dy));
  }
  OpPtr op_of(Var v) const { return graph.node(graph.value(v.id()).producer).op; }

  Graph graph;
  OpPtr forward, forward_with_bias, grad_input, grad_weight;
};

void check(KernelCase kernel) {
  kernel.runs = 2;
  KernelCase oracle = kernel;
  oracle.device = Device::reference();
  const KernelResult result = run_kernel(kernel);
  EXPECT_LT(relative_error(result.outputs[0], run_kernel(oracle).outputs[0]), 5e-6) << result.algorithm;
}

TEST(Linear, EqualsTheReferenceInEveryDirection) {
  for (const Sizes& s : sizes) {
    SCOPED_TRACE(std::to_string(s.n) + "x" + std::to_string(s.features) + " -> " + std::to_string(s.outputs));
    const Ops ops(s);
    const Tensor x = random({s.n, s.features}, 1), dy = random({s.n, s.outputs}, 2);
    const KernelInput w{.value = random({s.outputs, s.features}, 3), .scope = Scope::batch};
    const KernelInput b{.value = random({s.outputs}, 4), .scope = Scope::batch};
    check({.op = ops.forward, .inputs = {{x}, w}});
    check({.op = ops.forward_with_bias, .inputs = {{x}, w, b}});
    check({.op = ops.grad_input, .inputs = {{dy}, w}});
    check({.op = ops.grad_weight, .inputs = {{x}, {dy}}, .initial = {random(w.value.shape(), 5)}});
  }
}

// What a flatten makes goes in and what a loss reads comes out without a reorder; weights and their gradient are not
// padded.
TEST(Linear, EverythingIsPlain) {
  const Ops ops({4, 100, 24});
  const Tensor x = random({4, 100}, 1), dy = random({4, 24}, 2);
  const KernelInput w{.value = random({24, 100}, 3), .scope = Scope::batch};
  for (const KernelResult& result :
       {run_kernel({.op = ops.forward, .inputs = {{x}, w}}), run_kernel({.op = ops.grad_input, .inputs = {{dy}, w}}),
        run_kernel({.op = ops.grad_weight, .inputs = {{x}, {dy}}})}) {
    EXPECT_TRUE(result.input_layouts[0].is_plain());
    EXPECT_TRUE(result.input_layouts[1].is_plain());
    EXPECT_TRUE(result.output_layouts[0].is_plain());
  }
}

TEST(Linear, GradientEqualsDifferences) {
  for (const Sizes& s : {Sizes{3, 7, 5}, Sizes{1, 33, 17}, Sizes{64, 20, 10}}) {
    const OpInput x{"x", {s.features}}, w{"w", {s.outputs, s.features}, Scope::batch},
        b{"b", {s.outputs}, Scope::batch};
    check_op({.name = "linear",
              .inputs = {x, w},
              .build = [](auto in) { return std::vector{linear(in[0], in[1])}; },
              .samples = s.n});
    check_op({.name = "linear with bias",
              .inputs = {x, w, b},
              .build = [](auto in) { return std::vector{linear(in[0], in[1], in[2])}; },
              .samples = s.n});
  }
}

// The gradients are ops like others: their own gradients lead back to the other two.
TEST(Linear, GradientsAreDifferentiable) {
  check_op({.name = "grad_input", .inputs = {{"dy", {5}}, {"w", {5, 7}, Scope::batch}}, .build = [](auto in) {
              return std::vector{linear_grad_input(in[0], in[1])};
            }});
  check_op({.name = "grad_weight", .inputs = {{"x", {7}}, {"dy", {5}}}, .build = [](auto in) {
              return std::vector{linear_grad_weight(in[0], in[1])};
            }});
}

TEST(Linear, RefusesWhatDoesNotFit) {
  const auto parameter = [](Graph& g, const Shape& shape) { return g.parameter(Parameter(Tensor(shape))); };
  expect_shape_error(
      [&](Graph& g) {
        linear(g.input("x", {7}), parameter(g, {5, 8}));
      },
      {"linear: features differ; got x=f32[N,7], w=f32[5,8]; expected x.F == w.F"});
  expect_shape_error(
      [&](Graph& g) {
        linear(g.input("x", {7}), parameter(g, {5, 7}), parameter(g, {6}));
      },
      {"linear: the bias does not fit", "b=f32[6]", "b.O == w.O"});
  expect_shape_error(
      [&](Graph& g) {
        linear(g.input("x", {7, 2}), parameter(g, {5, 7}));
      },
      {"linear: x has 3 dimensions, not 2", "x=f32[N,7,2]", "[N,F], as Flatten() makes one of a map"});
  expect_shape_error(
      [&](Graph& g) {
        linear(g.input("x", {7}, DType::i32), parameter(g, {5, 7}));
      },
      {"linear: x is i32, not f32", "x=i32[N,7]"});
  expect_shape_error([&](Graph& g) { linear(g.input("x", {7}), parameter(g, {7})); }, {"w=f32[7]", "[O,F]"});
  expect_shape_error(
      [&](Graph& g) {
        linear_grad_input(g.input("dy", {4}), parameter(g, {5, 7}));
      },
      {"linear_grad_input: features differ", "dy=f32[N,4]", "dy.O == w.O"});
  expect_shape_error(
      [&](Graph& g) {
        linear_grad_weight(g.input("x", {7}), g.input("dy", {5, 2}));
      },
      {"linear_grad_weight", "dy=f32[N,5,2]"});
}

}  // namespace
}  // namespace sluice::test
