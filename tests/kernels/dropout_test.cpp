#include <sluice/kernels/dropout/dropout.h>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/philox.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/reduce/reduce.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

Tensor ones(const Shape& shape) { return random_tensor(shape, DType::f32, 1, 1, 0); }

OpPtr dropout_op(double rate, std::uint32_t id = 0) { return std::make_shared<DropoutOp>(rate, id); }

TEST(Dropout, EqualsReferenceAndDifferences) {
  for (const Shape& shape : {Shape{1}, Shape{7}, Shape{1000}, Shape{5000}, Shape{3, 5, 5}, Shape{16, 9, 9},
                             Shape{33, 6, 11}, Shape{2500, 2, 1}, Shape{6, 50}, Shape{3, 60, 60}, Shape{21, 25, 20}})
    check_op({.name = shape.str(true),
              .inputs = {{"x", shape}},
              .build = [](auto in) { return std::vector{dropout(in[0], 0.3f)}; },
              .differences = 4});
}

TEST(Dropout, FollowsThePublishedStream) {
  const RunContext context{.seed = 0x123456789ABCDEF0, .step = 17, .first_sample = 40};
  const KernelResult got =
      run_kernel({.op = dropout_op(0.4f, 9), .inputs = {{ones({2, 3, 2, 5})}}, .context = context});
  const std::vector<double> y = doubles(got.outputs[0]);
  for (std::uint32_t n = 0; n < 2; ++n) {
    for (std::uint32_t c = 0; c < 3; ++c) {
      for (std::uint32_t s = 0; s < 10; ++s) {
        const std::uint32_t element = s * 3 + c;
        const std::uint32_t word = Philox::at(context.seed, 17, 9, 40 + n, element / 4).v[element % 4];
        EXPECT_NEAR(y[(n * 3 + c) * 10 + s], Philox::uniform(word) >= 0.4f ? 1 / 0.6 : 0, 1e-6);
      }
    }
  }
}

TEST(Dropout, KeepsItsShareAndItsMean) {
  constexpr double count = 16.0 * 64 * 32 * 32;
  for (const double rate : {0.1, 0.5, 0.9}) {
    const KernelResult got =
        run_kernel({.op = dropout_op(rate), .inputs = {{ones({16, 64, 32, 32})}}, .context = {.seed = 3}});
    double kept = 0, sum = 0;
    for (const double y : doubles(got.outputs[0])) {
      kept += y != 0;
      sum += y;
    }
    const double deviation = std::sqrt(rate * (1 - rate) / count);
    EXPECT_NEAR(kept / count, 1 - rate, 5 * deviation) << rate;
    EXPECT_NEAR(sum / count, 1, 5 * deviation / (1 - rate)) << rate;
  }
}

TEST(Dropout, IsTheSameInEveryLayoutAndInPlace) {
  for (const Shape& shape :
       {Shape{2, 21, 5, 3}, Shape{2, 16, 3, 3}, Shape{3, 3, 30, 40}, Shape{1, 2100, 3, 1}, Shape{2, 64, 40, 40}}) {
    const Tensor x = random_tensor(shape, DType::f32, 1, 2, 1);
    const KernelResult plain = run_kernel({.op = dropout_op(0.5f), .inputs = {{x}}, .context = {.seed = 5, .step = 2}});
    for (const Layout& layout :
         {Layout(), Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)}) {
      for (const bool in_place : {false, true}) {
        const KernelResult got = run_kernel({.op = dropout_op(0.5f),
                                             .inputs = {{.value = x, .layout = layout}},
                                             .context = {.seed = 5, .step = 2},
                                             .in_place = in_place});
        EXPECT_EQ(got.output_layouts[0], layout);
        EXPECT_EQ(relative_error(got.outputs[0], plain.outputs[0]), 0) << shape.str() << " " << layout.str(4);
      }
    }
  }
}

TEST(Dropout, DoesNotDependOnTheSplitOrThreads) {
  const Tensor x = ones({7, 12, 9, 5});
  const std::vector<double> whole = doubles(run_kernel({.op = dropout_op(0.5f), .inputs = {{x}}}).outputs[0]);
  std::vector<double> parts;
  device_under_test().backend().with_threads(1, [&] {
    for (const std::int64_t first : {0, 3}) {
      const std::int64_t samples = first == 0 ? 3 : 4;
      const KernelResult part = run_kernel(
          {.op = dropout_op(0.5f), .inputs = {{ones({samples, 12, 9, 5})}}, .context = {.first_sample = first}});
      const std::vector<double> y = doubles(part.outputs[0]);
      parts.insert(parts.end(), y.begin(), y.end());
    }
  });
  EXPECT_EQ(parts, whole);
}

TEST(Dropout, DiffersBySeedStepOpAndSample) {
  const auto mask = [](RunContext context, std::uint32_t id) {
    return doubles(
        run_kernel({.op = dropout_op(0.5f, id), .inputs = {{ones({1, 500})}}, .context = context}).outputs[0]);
  };
  const std::vector<double> first = mask({}, 0);
  EXPECT_NE(mask({.seed = 1}, 0), first);
  EXPECT_NE(mask({.seed = std::uint64_t{1} << 32}, 0), first);
  EXPECT_NE(mask({.step = 1}, 0), first);
  EXPECT_NE(mask({.first_sample = 1}, 0), first);
  EXPECT_NE(mask({}, 1), first);
  EXPECT_EQ(mask({}, 0), first);
}

TEST(Dropout, GradientUsesTheSameMask) {
  Graph graph;
  const Var x = graph.input("x", {300}), y = dropout(x, 0.25f);
  const Var dx = differentiate(batch_sum(sum_per_sample(y)), std::vector{x})[0];
  const std::vector<Tensor> got =
      evaluate_under_test(std::vector{y, dx}, {{"x", ones({2, 300})}}, {.seed = 8, .step = 3});
  EXPECT_EQ(doubles(got[0]), doubles(got[1]));
}

TEST(Dropout, EachCallHasItsOwnId) {
  Graph graph;
  const Var x = graph.input("x", {300});
  EXPECT_NE(dropout(x, 0.5f), dropout(x, 0.5f));
  EXPECT_EQ(dropout(x, 0), x);
}

TEST(Dropout, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { dropout(g.input("x", {3}), 1); }, {"dropout:", "got 1;", "rate < 1"});
  expect_shape_error([](Graph& g) { dropout(g.input("x", {3}), -0.5f); }, {"dropout:", "-0.5"});
  expect_shape_error([](Graph& g) { dropout(g.input("x", {3}), 0.99999999); }, {"got 0.99999999;", "1 - 2^-24"});
  expect_shape_error([](Graph& g) { dropout(g.input("x", {}), 0.5f); }, {"dropout:", "x=f32[N]"});
  expect_shape_error([](Graph& g) { dropout(g.parameter(Parameter(Tensor({3}))), 0.5f); }, {"dropout:", "x=f32[3]"});
}

}  // namespace
}  // namespace sluice::test
