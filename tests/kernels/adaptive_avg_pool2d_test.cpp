#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w;
  Size2d size;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Overlap", 3, 16, 10, 8, {7, 3}},      {"Larger", 3, 5, 2, 3, 7},         {"FromOnePixel", 2, 20, 1, 1, 7},
    {"OneRow", 3, 17, 5, 6, {1, 4}},        {"OneAxisDivides", 1, 3, 8, 9, 4}, {"OneChannel", 3, 1, 9, 11, {4, 5}},
    {"ManyThreads", 4, 32, 20, 20, {7, 7}},
};

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class AdaptiveAvgPool2dCases : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

TEST_P(AdaptiveAvgPool2dCases, EqualsReferenceAndDifferences) {
  check_op({.name = c.name,
            .inputs = {{"x", {c.c, c.h, c.w}}},
            .build = [size = c.size](auto in) { return std::vector{adaptive_avg_pool2d(in[0], size)}; },
            .samples = c.n});
}

TEST_P(AdaptiveAvgPool2dCases, GradientIsDifferentiable) {
  check_op({.name = c.name,
            .inputs = {{"dy", {c.c, c.size.h, c.size.w}}},
            .build =
                [c = c](auto in) {
                  return std::vector{adaptive_avg_pool2d_grad(in[0], {c.h, c.w})};
                },
            .samples = c.n});
}

// run_kernel checks that padding of blocked layouts holds zeros.
TEST_P(AdaptiveAvgPool2dCases, TakesEveryLayout) {
  Graph g;
  const Var y = adaptive_avg_pool2d(g.input("x", {c.c, c.h, c.w}), c.size);
  adaptive_avg_pool2d_grad(y, {c.h, c.w});
  const Tensor x = random_tensor({c.n, c.c, c.h, c.w}, DType::f32, -1, 1, 1);
  const Tensor dy = random_tensor(y.shape().with_leading(c.n), DType::f32, -1, 1, 2);
  const OpPtr forward = g.node(0).op, backward = g.node(1).op;
  const KernelResult expected = run_kernel({.op = forward, .inputs = {{x}}, .device = Device::reference()});
  const KernelResult expected_dx = run_kernel({.op = backward, .inputs = {{dy}}, .device = Device::reference()});
  for (const Layout& layout : layouts) {
    SCOPED_TRACE(layout.str(4));
    const KernelResult got = run_kernel({.op = forward, .inputs = {{.value = x, .layout = layout}}});
    EXPECT_LT(relative_error(got.outputs[0], expected.outputs[0]), 1e-6);
    EXPECT_EQ(got.input_layouts[0], layout);
    EXPECT_EQ(got.output_layouts[0], layout);
    const KernelResult dx = run_kernel({.op = backward, .inputs = {{.value = dy, .layout = layout}}});
    EXPECT_LT(relative_error(dx.outputs[0], expected_dx.outputs[0]), 1e-6);
    if (!layout.is_plain()) {
      EXPECT_EQ(dx.output_layouts[0], layout);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AdaptiveAvgPool2dCases, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

TEST(AdaptiveAvgPool2d, HasTheWindowsOfItsDefinition) {
  Graph g;
  const Var y = adaptive_avg_pool2d(g.input("x", {1, 1, 5}), {1, 3});  // columns 0-1, 1-3, 3-4
  EXPECT_EQ(doubles(evaluate_under_test(y, {{"x", Tensor::of<float>({1, 1, 1, 5}, {1, 3, 5, 10, 20})}})),
            (std::vector<double>{2, 6, 15}));
  const Var larger = adaptive_avg_pool2d(g.input("z", {1, 2, 1}), {3, 2});  // rows 0, 0-1, 1
  EXPECT_EQ(doubles(evaluate_under_test(larger, {{"z", Tensor::of<float>({1, 1, 2, 1}, {2, 4})}})),
            (std::vector<double>{2, 2, 3, 3, 4, 4}));
}

TEST(AdaptiveAvgPool2d, IsAnotherPoolingWhereThatDoes) {
  Graph g;
  const Var x = g.input("x", {3, 14, 6});
  EXPECT_EQ(adaptive_avg_pool2d(x, {14, 6}), x);
  EXPECT_EQ(adaptive_avg_pool2d(x, {7, 2}), avg_pool2d(x, {.kernel = {2, 3}}));
  EXPECT_EQ(adaptive_avg_pool2d(x, 1), reshape(global_avg_pool2d(x), {3, 1, 1}));
}

TEST(AdaptiveAvgPool2d, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        adaptive_avg_pool2d(g.input("x", {4, 4}), 1);
      },
      {"adaptive_avg_pool2d: x has 3 dimensions, not 4", "x=f32[N,4,4]", "[N,C,H,W]"});
  expect_shape_error(
      [](Graph& g) {
        adaptive_avg_pool2d(g.input("x", {3, 4, 4}), {2, 0});
      },
      {"adaptive_avg_pool2d: size out of range: 2x0", "at least 1x1"});
  expect_shape_error([](Graph& g) { adaptive_avg_pool2d_grad(g.input("dy", {4}), 3); },
                     {"adaptive_avg_pool2d_grad: dy has 2 dimensions, not 4", "dy=f32[N,4]"});
}

}  // namespace
}  // namespace sluice::test
