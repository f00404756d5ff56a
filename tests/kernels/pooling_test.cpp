#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/max_pool2d/max_pool2d.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w;
  MaxPool2dOptions options;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Tiles", 3, 16, 8, 8, {.kernel = 2}},
    {"RestIsDropped", 3, 5, 9, 7, {.kernel = 2}},
    {"Overlap", 3, 16, 9, 9, {.kernel = 3, .stride = 2}},
    {"OverlapAndPadding", 3, 20, 16, 16, {.kernel = 3, .stride = 2, .padding = 1}},
    {"StrideOne", 1, 3, 6, 5, {.kernel = 3, .stride = 1, .padding = 1}},
    {"ByAxis", 3, 17, 9, 12, {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}}},
    {"Gaps", 3, 4, 10, 10, {.kernel = 2, .stride = 3}},
    {"WholePlane", 3, 8, 6, 4, {.kernel = {6, 4}}},
    {"LargestByteWindow", 1, 3, 20, 20, {.kernel = {15, 17}, .stride = 2}},
    {"WindowBeyondAByte", 1, 3, 20, 20, {.kernel = 16, .stride = 2, .padding = 3}},
    {"OneChannel", 64, 1, 14, 14, {.kernel = 2}},
    {"Batch64", 64, 32, 14, 14, {.kernel = 2}},
};

Tensor random(const Shape& shape, std::uint64_t seed) { return random_tensor(shape, DType::f32, -1, 1, seed); }

/// Numbers 0, 1 and 2: nearly every window has several maxima.
Tensor with_ties(const Shape& shape, std::uint64_t seed) {
  return random_tensor(shape, DType::i32, 0, 2, seed).to(DType::f32);
}

const std::vector<Layout> layouts = {Layout(), Layout::channels_last(), Layout::channel_blocked(8),
                                     Layout::channel_blocked(16)};

class MaxPool2d : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  const OpPtr op = std::make_shared<MaxPool2dOp>(c.options);
  const OpPtr grad = std::make_shared<MaxPool2dGradOp>(c.options, Shape{c.c, c.h, c.w});
};

// The indices are compared too: of equal maxima the first in row-major order wins on every device and in every layout.
TEST_P(MaxPool2d, EqualsTheReferenceInEveryLayout) {
  for (const Tensor& x : {random({c.n, c.c, c.h, c.w}, 1), with_ties({c.n, c.c, c.h, c.w}, 2)}) {
    const KernelResult expected = run_kernel({.op = op, .inputs = {{x}}, .device = Device::reference()});
    const Tensor dy = random(expected.outputs[0].shape(), 3);
    const KernelResult expected_dx =
        run_kernel({.op = grad, .inputs = {{dy}, {expected.outputs[1]}}, .device = Device::reference()});
    for (const Layout& layout : layouts) {
      SCOPED_TRACE(layout.str(4));
      const KernelResult y = run_kernel({.op = op, .inputs = {{.value = x, .layout = layout}}});
      EXPECT_EQ(y.input_layouts[0].str(4), layout.str(4));
      EXPECT_EQ(relative_error(y.outputs[0], expected.outputs[0]), 0);
      EXPECT_EQ(doubles(y.outputs[1]), doubles(expected.outputs[1]));
      // dy arrives plain and is asked to lie as the indices do.
      const KernelResult dx =
          run_kernel({.op = grad, .inputs = {{dy}, {.value = y.outputs[1], .layout = y.output_layouts[1]}}});
      EXPECT_EQ(dx.output_layouts[0].str(4), y.output_layouts[1].str(4));
      EXPECT_LT(relative_error(dx.outputs[0], expected_dx.outputs[0]), 1e-6);
    }
  }
}

TEST_P(MaxPool2d, GradientEqualsDifferences) {
  check_op({.name = c.name,
            .inputs = {{"x", {c.c, c.h, c.w}}},
            .build = [o = c.options](auto in) { return std::vector{max_pool2d(in[0], o)}; },
            .samples = c.n});
}

INSTANTIATE_TEST_SUITE_P(Cases, MaxPool2d, testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

TEST(MaxPool2dTies, GoToTheFirst) {
  register_reference_device();
  Graph g;
  const Var x = g.input("x", {1, 2, 4});
  const Var dx = differentiate(batch_sum(sum_per_sample(max_pool2d(x, {.kernel = 2}))), std::vector{x})[0];
  const Tensor values = Tensor::of<float>({1, 1, 2, 4}, {1, 5, 3, 3, 5, 5, 3, 3});
  for (const Device device : {device_under_test(), Device::reference()})
    EXPECT_EQ(doubles(evaluate(dx, {{"x", values}}, {.device = device})),
              (std::vector<double>{0, 1, 1, 0, 0, 0, 0, 0}));
}

// As PyTorch's max_pool2d: a NaN is larger than any number, of several the last; nothing else is below −infinity.
TEST(MaxPool2dNan, PassesAndTakesTheGradient) {
  register_reference_device();
  struct Window {
    std::vector<float> x;
    double y;
    std::int64_t where;
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<Window> windows = {{{nan, 1, 2, 3}, nan, 0},
                                       {{1, nan, 2, 3}, nan, 1},
                                       {{1, 2, 3, nan}, nan, 3},
                                       {{nan, 1, nan, 2}, nan, 2},
                                       {{nan, nan, nan, nan}, nan, 3},
                                       {{infinity, nan, 1, infinity}, nan, 1},
                                       {{-infinity, -infinity, -infinity, -infinity}, -infinity, 0},
                                       {{-infinity, -infinity, -1e38f, -infinity}, -1e38f, 2},
                                       {{infinity, 1, infinity, 2}, infinity, 0}};
  Graph g;
  for (const std::int64_t channels : {1, 8, 20}) {
    const Var x = g.input("x" + std::to_string(channels), {channels, 2, 2});
    const Var y = max_pool2d(x, {.kernel = 2});
    const Var dx = differentiate(batch_sum(sum_per_sample(y)), std::vector{x})[0];
    for (const Window& window : windows) {
      Tensor values({1, channels, 2, 2});
      for (std::size_t i = 0; i < values.values<float>().size(); ++i) values.values<float>()[i] = window.x[i % 4];
      for (const Device device : {device_under_test(), Device::reference()}) {
        const std::vector<Tensor> got =
            evaluate(std::vector{y, dx}, {{"x" + std::to_string(channels), values}}, {.device = device});
        for (const double value : doubles(got[0]))
          EXPECT_TRUE(std::isnan(window.y) ? std::isnan(value) : value == window.y) << value << " on " << device.str();
        const std::vector<double> gradient = doubles(got[1]);
        for (std::size_t i = 0; i < gradient.size(); ++i)
          EXPECT_EQ(gradient[i], i % 4 == static_cast<std::size_t>(window.where) ? 1 : 0) << "on " << device.str();
      }
    }
  }
}

TEST(MaxPool2dShapes, KeepAByteAWindowWhereThatIsEnough) {
  Graph g;
  const Var x = g.input("x", {8, 40, 41});
  EXPECT_EQ(max_pool2d(x, {.kernel = 3, .stride = {2, 1}, .padding = 1}).spec().str(), "f32[N,8,20,41]");
  EXPECT_EQ(g.value(g.node(0).outputs[1]).spec.str(), "u8[N,8,20,41]");
  EXPECT_EQ(max_pool2d(x, {.kernel = {15, 17}}).spec().str(), "f32[N,8,2,2]");
  EXPECT_EQ(g.value(g.node(1).outputs[1]).spec.dtype, DType::u8);
  max_pool2d(x, {.kernel = 16});
  EXPECT_EQ(g.value(g.node(2).outputs[1]).spec.dtype, DType::i32);
}

TEST(MaxPool2dShapes, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& x, const MaxPool2dOptions& options, std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { max_pool2d(g.input("x", x), options); }, parts);
  };
  refuses(
      {3, 4, 9}, {.kernel = {5, 2}},
      {"max_pool2d: the window is larger than the padded input; got x=f32[N,3,4,9]; expected kernel <= extent + 2 * "
       "padding with kernel=5x2 stride=5x2 padding=0x0"});
  refuses({3, 9, 9}, {.kernel = 2, .padding = 2}, {"options out of range", "padding <= kernel / 2"});
  refuses({3, 9, 9}, {}, {"options out of range", "kernel=0x0"});
  refuses({9, 9}, {.kernel = 2}, {"x has 3 dimensions, not 4", "x=f32[N,9,9]", "[N,C,H,W]"});
}

const Shape planes[] = {{16, 4, 4}, {20, 7, 5}, {1, 28, 28}, {33, 1, 1}, {512, 2, 2}};

TEST(GlobalAvgPool2d, EqualsReferenceAndDifferences) {
  for (const Shape& shape : planes)
    for (const std::int64_t n : {1, 3, 64})
      check_op({.name = shape.str(true),
                .inputs = {{"x", shape}},
                .build = [](auto in) { return std::vector{global_avg_pool2d(in[0])}; },
                .samples = n,
                .differences = 4});
}

TEST(GlobalAvgPool2d, GradientIsDifferentiable) {
  check_op({.name = "grad", .inputs = {{"dy", {20}}}, .build = [](auto in) {
              return std::vector{global_avg_pool2d_grad(in[0], 3, 5)};
            }});
}

TEST(GlobalAvgPool2d, TakesEveryLayout) {
  Graph g;
  for (const Shape& shape : planes) {
    const Var y = global_avg_pool2d(g.input(shape.str(), shape));
    const OpPtr op = g.node(g.value(y.id()).producer).op;
    const Tensor x = random(shape.with_leading(3), 1);
    const KernelResult expected = run_kernel({.op = op, .inputs = {{x}}, .device = Device::reference()});
    for (const Layout& layout : layouts) {
      const KernelResult result = run_kernel({.op = op, .inputs = {{.value = x, .layout = layout}}});
      EXPECT_EQ(result.input_layouts[0].str(4), layout.str(4));
      EXPECT_TRUE(result.output_layouts[0].is_plain());
      EXPECT_LT(relative_error(result.outputs[0], expected.outputs[0]), 1e-6) << layout.str(4);
    }
  }
}

// The layout is the kernel's choice; run_kernel checks that its padding holds zeros.
TEST(GlobalAvgPool2d, GradientFillsItsLayout) {
  Graph g;
  for (const Shape& shape : planes) {
    const Var dx = global_avg_pool2d_grad(g.input(shape.str(), {shape[0]}), shape[1], shape[2]);
    const OpPtr op = g.node(g.value(dx.id()).producer).op;
    const Tensor dy = random({3, shape[0]}, 1);
    const KernelResult expected = run_kernel({.op = op, .inputs = {{dy}}, .device = Device::reference()});
    EXPECT_LT(relative_error(run_kernel({.op = op, .inputs = {{dy}}}).outputs[0], expected.outputs[0]), 1e-6);
  }
}

TEST(GlobalAvgPool2d, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        global_avg_pool2d(g.input("x", {3, 4}));
      },
      {"global_avg_pool2d: x has 3 dimensions, not 4", "x=f32[N,3,4]", "[N,C,H,W]"});
  expect_shape_error(
      [](Graph& g) {
        global_avg_pool2d_grad(g.input("dy", {3, 4}), 2, 2);
      },
      {"global_avg_pool2d_grad: dy has 3 dimensions, not 2", "dy=f32[N,3,4]", "[N,C]"});
}

}  // namespace
}  // namespace sluice::test
