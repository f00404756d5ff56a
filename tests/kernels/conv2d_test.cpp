#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/conv2d/conv2d_ops.h>

#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/graph.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w, o;
  Size2d kernel;
  Conv2dOptions options;
  bool common = true;  ///< a convolution as networks have them: oneDNN does all directions with the same layouts

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"OneSample", 1, 16, 8, 8, 16, 3, {.padding = 1}},
    {"OneChannel", 3, 1, 28, 28, 32, 3, {.padding = 1}},
    {"ThreeChannels", 3, 3, 17, 13, 20, 3, {.padding = 1}},
    {"OddEverything", 3, 5, 11, 7, 13, {3, 2}, {.padding = {1, 0}}, false},
    {"NotAMultipleOf16", 3, 20, 9, 12, 33, 3, {.padding = 1}},
    {"Pointwise", 3, 24, 7, 5, 40, 1, {}},
    {"PointwiseStride", 3, 32, 8, 8, 64, 1, {.stride = 2}},
    {"Stride", 3, 16, 15, 15, 32, 3, {.stride = 2, .padding = 1}},
    {"StrideByAxis", 3, 8, 16, 15, 8, {5, 3}, {.stride = {3, 1}, .padding = {2, 1}}, false},
    {"StrideLeavesARest", 3, 4, 10, 9, 6, 3, {.stride = 4}, false},
    {"Dilation", 3, 16, 14, 14, 16, 3, {.padding = 2, .dilation = 2}},
    {"DilationByAxis", 1, 4, 12, 20, 6, 3, {.padding = {1, 3}, .dilation = {1, 3}}, false},
    {"Groups", 3, 32, 9, 9, 64, 3, {.padding = 1, .groups = 2}},
    {"OddGroups", 3, 15, 6, 6, 9, 3, {.padding = 1, .groups = 3}},
    {"Depthwise", 3, 32, 10, 10, 32, 3, {.padding = 1, .groups = 32}},
    {"OddDepthwise", 3, 20, 9, 9, 20, 3, {.stride = 2, .padding = 1, .groups = 20}},
    {"DepthwiseMultiplier", 3, 6, 8, 8, 12, 3, {.padding = 1, .groups = 6}},
    {"LargeKernel", 3, 3, 32, 32, 16, 7, {.stride = 2, .padding = 3}},
    {"KernelAsLargeAsInput", 3, 8, 5, 4, 10, {5, 4}, {}, false},
    {"OneOutputChannel", 3, 16, 6, 6, 1, 3, {.padding = 1}},
    {"OnePixel", 3, 32, 1, 1, 16, 1, {}},
    {"Batch64", 64, 16, 8, 8, 32, 3, {.padding = 1}},
    {"Winograd", 3, 32, 28, 28, 64, 3, {.padding = 1}},
    {"WinogradOdd", 5, 17, 19, 22, 35, 3, {.padding = 1}},
    {"WinogradUnpadded", 3, 16, 30, 30, 16, 3, {}},
};

/// Workspace caps: whatever a kernel likes, and too little for Winograd.
const std::size_t caps[] = {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 20};

Tensor random(const Shape& shape, std::uint64_t seed) { return random_tensor(shape, DType::f32, -1, 1, seed); }

class Conv2d : public testing::TestWithParam<Case> {
 protected:
  /// The op on the cpu against the reference, twice in a row: an accumulating one adds twice to what it finds.
  void check(KernelCase kernel) {
    kernel.runs = 2;
    KernelCase oracle = kernel;
    oracle.device = Device::reference();
    oracle.pinned_output.reset();
    const KernelResult expected = run_kernel(oracle);
    for (const std::size_t cap : caps) {
      kernel.workspace_cap_bytes = cap;
      const KernelResult result = run_kernel(kernel);
      EXPECT_LT(relative_error(result.outputs[0], expected.outputs[0]), 5e-6) << result.algorithm;
    }
  }

  const Case& c = GetParam();
  const Shape x_shape{c.c, c.h, c.w};
  const Tensor x = random(x_shape.with_leading(c.n), 1);
  const Tensor w = random({c.o, c.c / c.options.groups, c.kernel.h, c.kernel.w}, 2);
  const Tensor b = random({c.o}, 3);
  const Tensor dy = random(
      {c.n, c.o, window_positions(c.h, c.kernel.h, c.options.stride.h, c.options.padding.h, c.options.dilation.h),
       window_positions(c.w, c.kernel.w, c.options.stride.w, c.options.padding.w, c.options.dilation.w)},
      4);
  const KernelInput weights{.value = w, .scope = Scope::batch}, bias{.value = b, .scope = Scope::batch};
  const KernelCase forward{.op = std::make_shared<Conv2dOp>(c.options, false), .inputs = {{x}, weights}};
  const KernelCase forward_with_bias{.op = std::make_shared<Conv2dOp>(c.options, true), .inputs = {{x}, weights, bias}};
  const KernelCase grad_input{.op = std::make_shared<Conv2dGradInputOp>(c.options, x_shape), .inputs = {{dy}, weights}};
  const KernelCase grad_weight{.op = std::make_shared<Conv2dGradWeightOp>(c.options, c.kernel),
                               .inputs = {{x}, {dy}},
                               .initial = {random(w.shape(), 5)}};
};

TEST_P(Conv2d, Forward) {
  check(forward);
  check(forward_with_bias);
}

TEST_P(Conv2d, GradInput) { check(grad_input); }

TEST_P(Conv2d, GradWeightAdds) {
  KernelCase kernel = grad_weight;
  check(kernel);
  // Forward pins the weights' layout and the gradient has to share it, whatever its primitive likes.
  kernel.pinned_output = run_kernel(forward).input_layouts[1];
  check(kernel);
  kernel.pinned_output = Layout();
  check(kernel);
}

// What is kept for the backward pass is kept once: both uses of x want the same layout, and so do those of dy.
TEST_P(Conv2d, DirectionsAgreeAboutActivations) {
  const std::string device = device_under_test().backend().description();
  const auto says = [&](const char* what) { return device.find(what) != std::string::npos; };
  if (!says("cuda") && !(c.common && says("oneDNN 2.") && says("avx512")))
    GTEST_SKIP() << "correct in any case, but reorders may be needed";
  for (const std::size_t cap : caps) {
    const auto capped = [cap](KernelCase kernel) {
      kernel.workspace_cap_bytes = cap;
      return run_kernel(kernel);
    };
    const KernelResult y = capped(forward), dx = capped(grad_input), dw = capped(grad_weight);
    EXPECT_EQ(y.input_layouts[0].str(4), dw.input_layouts[0].str(4)) << y.algorithm << ", " << dw.algorithm;
    EXPECT_EQ(y.output_layouts[0].str(4), dw.input_layouts[1].str(4)) << y.algorithm << ", " << dw.algorithm;
    EXPECT_EQ(y.output_layouts[0].str(4), dx.input_layouts[0].str(4)) << y.algorithm << ", " << dx.algorithm;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Conv2d, testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

OpCase op_case(const Case& c, bool bias) {
  OpCase test{
      .name = c.name,
      .inputs = {{"x", {c.c, c.h, c.w}}, {"w", {c.o, c.c / c.options.groups, c.kernel.h, c.kernel.w}, Scope::batch}},
      .build =
          [options = c.options, bias](auto in) {
            return std::vector{bias ? conv2d(in[0], in[1], in[2], options) : conv2d(in[0], in[1], options)};
          },
      .samples = c.n};
  if (bias) test.inputs.push_back({"b", {c.o}, Scope::batch});
  return test;
}

TEST(Conv2dGradient, EqualsReferenceAndDifferences) {
  for (const Case& c : cases) {
    if (c.n * c.c * c.h * c.w > 4000) continue;  // central differences run the naive loops often
    SCOPED_TRACE(c.name);
    check_op(op_case(c, false));
    check_op(op_case(c, true));
  }
}

// The gradients are ops like others: their own gradients lead back to the other two.
TEST(Conv2dGradient, IsDifferentiable) {
  const Conv2dOptions options{.stride = {1, 2}, .padding = 1, .groups = 2};
  check_op(
      {.name = "grad_input", .inputs = {{"dy", {6, 5, 3}}, {"w", {6, 2, 3, 3}, Scope::batch}}, .build = [=](auto in) {
         return std::vector{conv2d_grad_input(in[0], in[1], {4, 5, 6}, options)};
       }});
  check_op({.name = "grad_weight", .inputs = {{"x", {4, 5, 6}}, {"dy", {6, 5, 3}}}, .build = [=](auto in) {
              return std::vector{conv2d_grad_weight(in[0], in[1], 3, options)};
            }});
}

TEST(Conv2dShapes, AreInferred) {
  Graph g;
  const Var x = g.input("x", {4, 10, 9});
  const Parameter w(Tensor({6, 2, 3, 5}));
  const Var y = conv2d(x, g.parameter(w), {.stride = {2, 1}, .padding = {1, 2}, .dilation = {3, 1}, .groups = 2});
  EXPECT_EQ(y.spec().str(), "f32[N,6,3,9]");
  EXPECT_EQ(g.node(0).op->options(), "stride=2x1 padding=1x2 dilation=3x1 groups=2");
}

TEST(Conv2dShapes, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& x, const Shape& w, const Conv2dOptions& options,
                          std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { conv2d(g.input("x", x), g.parameter(Parameter(Tensor(w))), options); }, parts);
  };
  refuses(
      {3, 32, 32}, {64, 4, 3, 3}, {},
      {"conv2d: channels differ; got x=f32[N,3,32,32], w=f32[64,4,3,3]; expected x.C == w.C * groups with groups=1"});
  refuses({4, 8, 8}, {6, 1, 3, 3}, {.groups = 4}, {"output channels do not divide into groups", "w.O % groups == 0"});
  refuses({3, 4, 9}, {8, 3, 5, 5}, {}, {"kernel is larger than the padded input", "x=f32[N,3,4,9]", "padding=0x0"});
  refuses({3, 9, 9}, {8, 3, 5, 5}, {.dilation = {1, 3}}, {"kernel is larger", "dilation=1x3"});
  refuses({3, 9, 9}, {8, 3, 5, 5}, {.stride = {1, 0}}, {"options out of range", "stride=1x0", "stride >= 1"});
  refuses({3, 9}, {8, 3, 5, 5}, {},
          {"conv2d: x has 3 dimensions, not 4", "x=f32[N,3,9]", "an f32 sample value [N,C,H,W]"});
  refuses({3, 9, 9}, {8, 3, 5}, {}, {"conv2d: w has 3 dimensions, not 4", "w=f32[8,3,5]", "[O,C/groups,kh,kw]"});
  expect_shape_error(
      [](Graph& g) {
        conv2d(g.input("x", {3, 9, 9}, DType::u8), g.parameter(Parameter(Tensor({8, 3, 3, 3}))));
      },
      {"conv2d: x is u8, not f32", "x=u8[N,3,9,9]",
       "[N,C,H,W] (a field without mean and std is not converted to f32)"});
  expect_shape_error(
      [](Graph& g) {
        conv2d(g.input("x", {3, 9, 9}), g.input("w", {8, 3, 3, 3}));
      },
      {"conv2d: w is a sample value, not a batch value"});
  expect_shape_error(
      [](Graph& g) {
        conv2d(g.input("x", {3, 9, 9}), g.parameter(Parameter(Tensor({8, 3, 3, 3}))),
               g.parameter(Parameter(Tensor({7}))), {});
      },
      {"conv2d: the bias does not fit", "b=f32[7]", "b.O == w.O"});
  expect_shape_error(
      [](Graph& g) {
        conv2d_grad_input(g.input("dy", {8, 9, 9}), g.parameter(Parameter(Tensor({8, 3, 3, 3}))), {3, 9, 9}, {});
      },
      {"conv2d_grad_input: dy is not what the convolution of x makes", "dy=f32[N,8,9,9]", "x=[N,3,9,9]"});
  expect_shape_error(
      [](Graph& g) {
        conv2d_grad_weight(g.input("x", {3, 9, 9}), g.input("dy", {8, 9, 9}), 3);
      },
      {"conv2d_grad_weight: dy is not what", "w=[8,3,3,3]"});
}

}  // namespace
}  // namespace sluice::test
