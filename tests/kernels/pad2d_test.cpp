#include <sluice/kernels/pad2d/pad2d.h>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w;  // of the small map
  Edges2d edges;

  Shape small() const { return {c, h, w}; }
  Shape large() const { return {c, h + edges.top + edges.bottom, w + edges.left + edges.right}; }
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"All", 3, 16, 4, 5, {1, 2, 3, 4}},        {"FarEnd", 2, 5, 3, 2, {.bottom = 2, .right = 1}},
    {"NearEnd", 3, 20, 3, 4, {.top = 1}},      {"OnlyColumns", 1, 3, 4, 4, {.left = 3, .right = 1}},
    {"OnePixel", 3, 17, 1, 1, {2, 0, 0, 5}},   {"OneChannel", 3, 1, 7, 9, {1, 1, 1, 1}},
    {"ManyThreads", 2, 16, 40, 40, {3, 2, 1}},
};

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class Pad2dCases : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

TEST_P(Pad2dCases, EqualsReferenceAndDifferences) {
  check_op({.name = c.name,
            .inputs = {{"x", c.small()}},
            .build = [e = c.edges](auto in) { return std::vector{pad2d(in[0], e)}; },
            .samples = c.n});
  check_op({.name = c.name + " cropped",
            .inputs = {{"x", c.large()}},
            .build = [e = c.edges](auto in) { return std::vector{crop2d(in[0], e)}; },
            .samples = c.n});
}

// run_kernel checks that padding of blocked layouts holds zeros.
TEST_P(Pad2dCases, KeepsEveryLayout) {
  Graph g;
  pad2d(g.input("x", c.small()), c.edges);
  crop2d(g.input("y", c.large()), c.edges);
  const Tensor small = random_tensor(c.small().with_leading(c.n), DType::f32, -1, 1, 1);
  const Tensor large = random_tensor(c.large().with_leading(c.n), DType::f32, -1, 1, 2);
  for (const auto& [op, value] : {std::pair(g.node(0).op, small), std::pair(g.node(1).op, large)}) {
    const KernelResult expected = run_kernel({.op = op, .inputs = {{value}}, .device = Device::reference()});
    for (const Layout& layout : layouts) {
      SCOPED_TRACE(layout.str(4));
      const KernelResult got = run_kernel({.op = op, .inputs = {{.value = value, .layout = layout}}});
      EXPECT_EQ(relative_error(got.outputs[0], expected.outputs[0]), 0);
      EXPECT_EQ(got.output_layouts[0], layout);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Pad2dCases, testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

TEST(Pad2d, PutsZerosAroundAndTakesThemAway) {
  Graph g;
  const Var x = g.input("x", {1, 1, 2}), y = pad2d(x, {.top = 1, .left = 2, .right = 1});
  const std::vector<Tensor> got = evaluate_under_test(std::vector{y, crop2d(y, {.left = 3, .right = 1})},
                                                      {{"x", Tensor::of<float>({1, 1, 1, 2}, {4, 7})}});
  EXPECT_EQ(doubles(got[0]), (std::vector<double>{0, 0, 0, 0, 0, 0, 0, 4, 7, 0}));
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{0, 7}));
  EXPECT_EQ(pad2d(x, {}), x);
  EXPECT_EQ(crop2d(x, {}), x);
}

TEST(Pad2d, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        pad2d(g.input("x", {4, 4}), {.top = 1});
      },
      {"pad2d: x has 3 dimensions, not 4", "x=f32[N,4,4]", "[N,C,H,W]"});
  expect_shape_error(
      [](Graph& g) {
        pad2d(g.input("x", {1, 4, 4}), {.right = -1});
      },
      {"pad2d: edges out of range: top=0 left=0 bottom=0 right=-1", "edges >= 0"});
  expect_shape_error(
      [](Graph& g) {
        crop2d(g.input("x", {1, 4, 4}), {.left = 1, .right = 3});
      },
      {"crop2d: nothing is left of x", "left + right < W"});
}

}  // namespace
}  // namespace sluice::test
