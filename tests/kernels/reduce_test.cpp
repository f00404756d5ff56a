#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reduce/reduce_mean.h>

#include <gtest/gtest.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"
#include "support/threads.h"

namespace sluice::test {
namespace {

TEST(Reduce, EqualsReferenceAndDifferences) {
  for (const Scope scope : {Scope::sample, Scope::batch}) {
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{7, 70, 71}}) {
      check_op({.name = "sum " + shape.str(), .inputs = {{"x", shape, scope}}, .build = [](auto in) {
                  return std::vector{sum_per_sample(in[0])};
                }});
      check_op({.name = "mean " + shape.str(), .inputs = {{"x", shape, scope}}, .build = [](auto in) {
                  return std::vector{mean_per_sample(in[0])};
                }});
      check_op({.name = "expand " + shape.str(), .inputs = {{"s", {}, scope}}, .build = [=](auto in) {
                  return std::vector{expand_per_sample(in[0], shape)};
                }});
    }
  }
}

TEST(Reduce, SumsWhatLiesOtherwise) {
  Graph graph;
  sum_per_sample(graph.input("x", {21, 5, 3}));
  const OpPtr op = graph.node(0).op;
  const Tensor x = random_tensor({6, 21, 5, 3}, DType::f32, 0, 1, 1);
  const KernelResult plain = run_kernel({.op = op, .inputs = {{x}}});
  for (const Layout& layout : {Layout::channels_last(), Layout::channel_blocked(16), Layout({1, 0, 2, 3}, {})}) {
    const KernelResult got = run_kernel({.op = op, .inputs = {{.value = x, .layout = layout}}});
    EXPECT_EQ(got.input_layouts[0].is_plain(), layout == Layout({1, 0, 2, 3}, {}))
        << "samples that are mixed are reordered";
    EXPECT_LE(relative_error(got.outputs[0], plain.outputs[0]), 1e-7);
  }
}

TEST(Reduce, SumDoesNotDependOnThreads) {
  SLUICE_NEEDS_OPENMP_THREADS();
  Graph graph;
  sum_per_sample(graph.parameter(Parameter(Tensor({100003}))));
  const KernelCase test{.op = graph.node(0).op,
                        .inputs = {{random_tensor({100003}, DType::f32, -1, 1, 1), Scope::batch}}};
  Backend& backend = device_under_test().backend();
  const auto run = [&] { return run_kernel(test); };
  const KernelResult one = backend.with_threads(1, run), three = backend.with_threads(3, run);
  EXPECT_EQ(relative_error(one.outputs[0], three.outputs[0]), 0);
}

TEST(Reduce, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { sum_per_sample(g.input("x", {3}, DType::i32)); },
                     {"sum_per_sample:", "x=i32[N,3]"});
  expect_shape_error([](Graph& g) { expand_per_sample(g.input("s", {3}), {4}); }, {"expand_per_sample:", "s=f32[N,3]"});
}

}  // namespace
}  // namespace sluice::test
