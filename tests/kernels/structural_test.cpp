#include <sluice/core/structural.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/arithmetic/arithmetic.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr auto add_inputs = [](auto in) { return std::vector{add(in[0], in[1])}; };

TEST(Structural, AddEqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{5}, Shape{3, 40, 41}}) {
    check_op({.name = "samples", .inputs = {{"a", shape}, {"b", shape}}, .build = add_inputs});
    check_op(
        {.name = "batch", .inputs = {{"a", shape, Scope::batch}, {"b", shape, Scope::batch}}, .build = add_inputs});
    check_op({.name = "sample and batch", .inputs = {{"a", shape}, {"b", shape, Scope::batch}}, .build = add_inputs});
    check_op({.name = "batch and sample", .inputs = {{"a", shape, Scope::batch}, {"b", shape}}, .build = add_inputs});
  }
}

TEST(Structural, AddBringsBothToOneLayout) {
  Graph graph;
  add(graph.input("a", {21, 5, 3}), graph.input("b", {21, 5, 3}));
  const Tensor a = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 1),
               b = random_tensor({2, 21, 5, 3}, DType::f32, -1, 1, 2);
  const KernelResult plain = run_kernel({.op = graph.node(0).op, .inputs = {{a}, {b}}});
  const Layout blocked = Layout::channel_blocked(16);
  for (const bool in_place : {false, true}) {
    const KernelResult got =
        run_kernel({.op = graph.node(0).op, .inputs = {{.value = a, .layout = blocked}, {b}}, .in_place = in_place});
    EXPECT_EQ(got.input_layouts[1], blocked);
    EXPECT_EQ(got.output_layouts[0], blocked);
    EXPECT_EQ(relative_error(got.outputs[0], plain.outputs[0]), 0);
  }
}

TEST(Structural, ScaleByEqualsReference) {
  for (const Scope scope : {Scope::sample, Scope::batch})
    check_op({.name = "scale_by",
              .inputs = {{"x", {3, 4, 5}, scope},
                         {.name = "s", .shape = {}, .scope = Scope::batch, .differentiable = false}},
              .build = [](auto in) { return std::vector{scale_by(in[0], in[1])}; }});
}

TEST(Structural, BatchSumAndBroadcast) {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 40, 41}}) {
    for (const std::int64_t samples : {1, 7}) {
      check_op({.name = "batch_sum " + shape.str(true),
                .inputs = {{"x", shape}},
                .build = [](auto in) { return std::vector{batch_sum(in[0])}; },
                .samples = samples});
      check_op({.name = "broadcast " + shape.str(),
                .inputs = {{"v", shape, Scope::batch}},
                .build = [](auto in) { return std::vector{broadcast(in[0])}; },
                .samples = samples});
    }
  }
}

TEST(Structural, BatchSumKeepsSmallAddends) {
  // 2^24 + 1 is no f32: a running f32 sum would stay at 2^24.
  Graph graph;
  std::vector<float> x(1001, 1.0f);
  x[0] = 16777216.0f;
  const Tensor sum = evaluate_under_test(batch_sum(graph.input("x", {})), {{"x", Tensor::of<float>({1001}, x)}});
  EXPECT_EQ(sum.values<float>()[0], 16778216.0f);
}

TEST(Structural, GatherAndSliceAreAdjoint) {
  check_op({.name = "gather", .inputs = {{"x", {4, 2}}}, .build = [](auto in) {
              return std::vector{batch_gather(in[0], 5)};
            }});
  check_op({.name = "slice", .inputs = {{"rows", {5, 3}, Scope::batch}}, .build = [](auto in) {
              return std::vector{slice(in[0])};
            }});
}

TEST(Structural, GatherWritesItsRowsOnly) {
  Graph graph;
  batch_gather(graph.input("x", {2}), 6);
  slice(graph.parameter(Parameter(Tensor({6, 2}))));
  const Tensor x = random_tensor({2, 2}, DType::f32, -1, 1, 1), before = random_tensor({6, 2}, DType::f32, -1, 1, 2);
  for (const Device device : {device_under_test(), Device::reference()}) {
    const KernelResult got = run_kernel({.op = graph.node(0).op,
                                         .inputs = {{x}},
                                         .device = device,
                                         .context = {.first_sample = 3},
                                         .initial = {before}});
    std::vector<double> expected = doubles(before), rows = doubles(x);
    std::copy(rows.begin(), rows.end(), expected.begin() + 6);
    EXPECT_EQ(doubles(got.outputs[0]), expected);
  }
}

TEST(Structural, SliceReadsItsRows) {
  // The number of samples comes from a second input; slice itself has none, so it runs inside a graph here.
  Graph graph;
  const Tensor rows = random_tensor({6, 2}, DType::f32, -1, 1, 2);
  const Var y = add(slice(graph.parameter(Parameter(rows))), graph.input("zero", {2}));
  const Tensor got = evaluate_under_test(y, {{"zero", Tensor({4, 2})}});
  const std::vector<double> all = doubles(rows);
  EXPECT_EQ(doubles(got), std::vector<double>(all.begin(), all.begin() + 8));
}

TEST(Structural, RefuseWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { add(g.input("a", {3}), g.input("b", {4})); }, {"add:", "a=f32[N,3]", "b=f32[N,4]"});
}

}  // namespace
}  // namespace sluice::test
