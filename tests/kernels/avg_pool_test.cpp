#include <sluice/kernels/avg_pool2d/avg_pool2d.h>

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
  std::int64_t n, c, h, w;
  AvgPool2dOptions options;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Tiles", 3, 16, 8, 8, {.kernel = 2}},
    {"RestIsDropped", 3, 5, 9, 7, {.kernel = 2}},
    {"Overlap", 3, 16, 9, 9, {.kernel = 3, .stride = 2}},
    {"PaddingCounts", 3, 20, 16, 16, {.kernel = 3, .stride = 2, .padding = 1}},
    {"PaddingIsLeftOut", 3, 20, 16, 16, {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false}},
    {"StrideOne", 1, 3, 6, 5, {.kernel = 3, .stride = 1, .padding = 1, .count_include_pad = false}},
    {"ByAxis", 3, 17, 9, 12, {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .count_include_pad = false}},
    {"HalfTheWindow", 2, 16, 3, 4, {.kernel = 4, .stride = 1, .padding = 2}},
    {"Gaps", 3, 4, 10, 10, {.kernel = 2, .stride = 3}},
    {"WholePlane", 3, 8, 6, 4, {.kernel = {6, 4}}},
    {"LargeWindow", 1, 3, 20, 20, {.kernel = 16, .stride = 2, .padding = 3}},
    {"OneChannel", 64, 1, 14, 14, {.kernel = 2}},
    {"Batch64", 64, 32, 14, 14, {.kernel = 2}},
};

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class AvgPool2dCases : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

TEST_P(AvgPool2dCases, EqualsReferenceAndDifferences) {
  check_op({.name = c.name,
            .inputs = {{"x", {c.c, c.h, c.w}}},
            .build = [o = c.options](auto in) { return std::vector{avg_pool2d(in[0], o)}; },
            .samples = c.n});
}

TEST_P(AvgPool2dCases, GradientIsDifferentiable) {
  check_op({.name = c.name,
            .inputs = {{"dy", c.options.window().result({c.c, c.h, c.w})}},
            .build = [c = c](auto in) { return std::vector{avg_pool2d_grad(in[0], c.h, c.w, c.options)}; },
            .samples = c.n});
}

// run_kernel checks that padding of blocked layouts holds zeros.
TEST_P(AvgPool2dCases, TakesEveryLayout) {
  Graph g;
  const Var y = avg_pool2d(g.input("x", {c.c, c.h, c.w}), c.options);
  avg_pool2d_grad(y, c.h, c.w, c.options);
  const OpPtr forward = g.node(0).op, backward = g.node(1).op;
  const Tensor x = random_tensor({c.n, c.c, c.h, c.w}, DType::f32, -1, 1, 1);
  const Tensor dy = random_tensor(y.shape().with_leading(c.n), DType::f32, -1, 1, 2);
  const KernelResult expected = run_kernel({.op = forward, .inputs = {{x}}, .device = Device::reference()});
  const KernelResult expected_dx = run_kernel({.op = backward, .inputs = {{dy}}, .device = Device::reference()});
  for (const Layout& layout : layouts) {
    SCOPED_TRACE(layout.str(4));
    const KernelResult got = run_kernel({.op = forward, .inputs = {{.value = x, .layout = layout}}});
    EXPECT_EQ(got.input_layouts[0].str(4), layout.str(4)) << got.algorithm;
    EXPECT_LT(relative_error(got.outputs[0], expected.outputs[0]), 1e-6) << got.algorithm;
    const KernelResult dx = run_kernel({.op = backward, .inputs = {{.value = dy, .layout = layout}}});
    EXPECT_LT(relative_error(dx.outputs[0], expected_dx.outputs[0]), 1e-6) << dx.algorithm;
    if (!layout.is_plain()) {
      EXPECT_EQ(dx.output_layouts[0].str(4), layout.str(4));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AvgPool2dCases, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

TEST(AvgPool2d, CountsPaddingOnlyWhereAsked) {
  Graph g;
  const Var x = g.input("x", {1, 2, 2});
  const Tensor values = Tensor::of<float>({1, 1, 2, 2}, {4, 8, 12, 16});
  AvgPool2dOptions options{.kernel = 2, .padding = 1};
  EXPECT_EQ(doubles(evaluate_under_test(avg_pool2d(x, options), {{"x", values}})), (std::vector<double>{1, 2, 3, 4}));
  options.count_include_pad = false;
  EXPECT_EQ(doubles(evaluate_under_test(avg_pool2d(x, options), {{"x", values}})), (std::vector<double>{4, 8, 12, 16}));
}

TEST(AvgPool2d, IsOneNodeForOptionsThatMeanTheSame) {
  Graph g;
  const Var x = g.input("x", {2, 8, 8});
  const Var y = avg_pool2d(x, {.kernel = 2});
  EXPECT_EQ(y, avg_pool2d(x, {.kernel = 2, .stride = 2, .count_include_pad = false}));
  EXPECT_NE(avg_pool2d(x, {.kernel = 2, .padding = 1}),
            avg_pool2d(x, {.kernel = 2, .padding = 1, .count_include_pad = false}));
}

TEST(AvgPool2d, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& x, const AvgPool2dOptions& options, std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { avg_pool2d(g.input("x", x), options); }, parts);
  };
  refuses({3, 4, 9}, {.kernel = {5, 2}},
          {"avg_pool2d: the window is larger than the padded input", "x=f32[N,3,4,9]", "kernel=5x2 stride=5x2"});
  refuses({3, 9, 9}, {.kernel = 2, .padding = 2}, {"avg_pool2d: options out of range", "padding <= kernel / 2"});
  refuses({3, 9, 9}, {}, {"options out of range", "kernel=0x0"});
  refuses({9, 9}, {.kernel = 2}, {"x=f32[N,9,9]", "[N,C,H,W]"});
  const auto refuses_grad = [](const Shape& dy, const AvgPool2dOptions& options) {
    expect_shape_error([&](Graph& g) { avg_pool2d_grad(g.input("dy", dy), 9, 9, options); },
                       {"avg_pool2d_grad: dy is not what pooling x makes", "dy=f32", "x=9x9"});
  };
  refuses_grad({3, 4, 5}, {.kernel = 2});
  refuses_grad({4, 4}, {.kernel = 2});
  refuses_grad({3, 4, 4}, {});
}

}  // namespace
}  // namespace sluice::test
