#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w;
  Size2d factor;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Twice", 3, 16, 4, 5, 2},         {"Thrice", 2, 5, 3, 2, 3},         {"ByAxis", 3, 20, 3, 4, {1, 3}},
    {"OnlyRows", 1, 3, 4, 4, {4, 1}},  {"OnePixel", 3, 17, 1, 1, {2, 5}}, {"OneChannel", 3, 1, 7, 9, 2},
    {"ManyThreads", 2, 16, 32, 32, 2},
};

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class UpsampleNearest2dCases : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

TEST_P(UpsampleNearest2dCases, EqualsReferenceAndDifferences) {
  check_op({.name = c.name,
            .inputs = {{"x", {c.c, c.h, c.w}}},
            .build = [f = c.factor](auto in) { return std::vector{upsample_nearest2d(in[0], f)}; },
            .samples = c.n});
}

TEST_P(UpsampleNearest2dCases, GradientIsDifferentiable) {
  check_op({.name = c.name,
            .inputs = {{"dy", {c.c, c.h * c.factor.h, c.w * c.factor.w}}},
            .build = [f = c.factor](auto in) { return std::vector{upsample_nearest2d_grad(in[0], f)}; },
            .samples = c.n});
}

// run_kernel checks that padding of blocked layouts holds zeros.
TEST_P(UpsampleNearest2dCases, KeepsEveryLayout) {
  Graph g;
  const Var y = upsample_nearest2d(g.input("x", {c.c, c.h, c.w}), c.factor);
  upsample_nearest2d_grad(y, c.factor);
  const Tensor x = random_tensor({c.n, c.c, c.h, c.w}, DType::f32, -1, 1, 1);
  const Tensor dy = random_tensor(y.shape().with_leading(c.n), DType::f32, -1, 1, 2);
  for (const auto& [op, value] : {std::pair(g.node(0).op, x), std::pair(g.node(1).op, dy)}) {
    const KernelResult expected = run_kernel({.op = op, .inputs = {{value}}, .device = Device::reference()});
    for (const Layout& layout : layouts) {
      SCOPED_TRACE(layout.str(4));
      const KernelResult got = run_kernel({.op = op, .inputs = {{.value = value, .layout = layout}}});
      EXPECT_LT(relative_error(got.outputs[0], expected.outputs[0]), 1e-6);
      EXPECT_EQ(got.input_layouts[0], layout);
      EXPECT_EQ(got.output_layouts[0], layout);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, UpsampleNearest2dCases, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

TEST(UpsampleNearest2d, RepeatsAndSums) {
  Graph g;
  const Var x = g.input("x", {1, 1, 2}), y = upsample_nearest2d(x, {2, 3});
  const Var r = g.input("r", {1, 2, 6});
  const Var dx = differentiate(batch_sum(sum_per_sample(mul(y, r))), std::vector{x})[0];
  const std::vector<Tensor> got = evaluate_under_test(
      std::vector{y, dx}, {{"x", Tensor::of<float>({1, 1, 1, 2}, {4, 7})},
                           {"r", Tensor::of<float>({1, 1, 2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})}});
  EXPECT_EQ(doubles(got[0]), (std::vector<double>{4, 4, 4, 7, 7, 7, 4, 4, 4, 7, 7, 7}));
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{1 + 2 + 3 + 7 + 8 + 9, 4 + 5 + 6 + 10 + 11 + 12}));
  EXPECT_EQ(upsample_nearest2d(x, 1), x);
}

TEST(UpsampleNearest2d, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& x, Size2d factor, std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { upsample_nearest2d(g.input("x", x), factor); }, parts);
  };
  refuses({4, 4}, 2, {"upsample_nearest2d: x has 3 dimensions, not 4", "x=f32[N,4,4]", "[N,C,H,W]"});
  refuses({3, 4, 4}, {0, 2}, {"upsample_nearest2d: factor out of range: 0x2", "factor >= 1"});
  for (const Shape& dy : {Shape{3, 5, 6}, Shape{3, 4, 5}, Shape{4, 4}})
    expect_shape_error(
        [&](Graph& g) {
          upsample_nearest2d_grad(g.input("dy", dy), {2, 3});
        },
        {"upsample_nearest2d_grad: dy is not what upsampling x makes", "dy=f32", "factor=2x3"});
}

}  // namespace
}  // namespace sluice::test
