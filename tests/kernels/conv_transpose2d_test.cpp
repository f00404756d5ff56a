#include <sluice/kernels/conv_transpose2d/conv_transpose2d.h>

#include <numeric>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

struct Case {
  std::string name;
  std::int64_t n, c, h, w, o;
  Size2d kernel;
  ConvTranspose2dOptions options;

  Shape weight() const { return {c, o / options.groups, kernel.h, kernel.w}; }
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const std::vector<Case> cases = {
    {"Twice", 3, 32, 4, 5, 16, 2, {.stride = 2}},
    {"KeepsTheExtent", 3, 16, 6, 6, 16, 3, {.padding = 1}},
    {"Overlap", 3, 5, 4, 3, 7, 4, {.stride = 2, .padding = 1}},
    {"OutputPadding", 3, 8, 4, 5, 6, 3, {.stride = 2, .padding = 1, .output_padding = 1}},
    {"ByAxis", 2, 6, 3, 4, 4, {2, 3}, {.stride = {3, 2}, .padding = {0, 1}, .output_padding = {2, 0}}},
    {"Dilation", 3, 4, 4, 4, 3, 3, {.stride = {1, 2}, .padding = 1, .dilation = {2, 3}}},
    {"Groups", 3, 8, 4, 4, 6, 3, {.stride = 2, .padding = 1, .output_padding = {1, 0}, .groups = 2}},
    {"Depthwise", 3, 16, 4, 4, 16, 2, {.stride = 2, .groups = 16}},
    {"OnePixel", 3, 20, 1, 1, 5, 4, {}},
    {"KernelBelowStride", 2, 3, 3, 3, 2, 1, {.stride = 2}},
    {"PaddedByTheStride", 3, 5, 4, 3, 6, 3, {.output_padding = 1, .dilation = 2}},
    {"PaddedBeyondTheStride",
     3,
     16,
     4,
     4,
     16,
     3,
     {.stride = {1, 2}, .padding = 1, .output_padding = {2, 4}, .dilation = {3, 5}}},
    {"PaddedBeyondThePadding",
     2,
     4,
     3,
     5,
     6,
     2,
     {.padding = {4, 0}, .output_padding = {5, 0}, .dilation = 6, .groups = 2}},
};

class ConvTranspose2dCases : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
};

TEST_P(ConvTranspose2dCases, EqualsReferenceAndDifferences) {
  const OpInput x{"x", {c.c, c.h, c.w}}, w{"w", c.weight(), Scope::batch}, b{"b", {c.o}, Scope::batch};
  check_op({.name = "without bias",
            .inputs = {x, w},
            .build = [o = c.options](auto in) { return std::vector{conv_transpose2d(in[0], in[1], o)}; },
            .samples = c.n});
  check_op({.name = "with bias",
            .inputs = {x, w, b},
            .build = [o = c.options](auto in) { return std::vector{conv_transpose2d(in[0], in[1], in[2], o)}; },
            .samples = c.n});
}

/// <a, b>
double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = doubles(a), v = doubles(b);
  return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
}

// <conv_transpose2d(x, w), z> = <x, conv2d(z, w)>, whatever the options; of a convolution that makes more rows than x
// has, the first ones.
TEST_P(ConvTranspose2dCases, IsTheTransposeOfConv2d) {
  register_reference_device();
  const ConvTranspose2dOptions& o = c.options;
  Graph g;
  const Parameter weight(random_tensor(c.weight(), DType::f32, -1, 1, 1));
  const Var x = g.input("x", {c.c, c.h, c.w}), w = g.parameter(weight), y = conv_transpose2d(x, w, o);
  const Var z = g.input("z", y.shape());
  const Var back =
      crop2d(conv2d(z, w, {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups}),
             {.bottom = o.output_padding.h / o.stride.h, .right = o.output_padding.w / o.stride.w});
  ASSERT_EQ(back.shape(), x.shape());
  const Tensor x_value = random_tensor(x.shape().with_leading(c.n), DType::f32, -1, 1, 2);
  const Tensor z_value = random_tensor(y.shape().with_leading(c.n), DType::f32, -1, 1, 3);
  for (const auto& [device, tolerance] :
       {std::pair(Device::reference(), 1e-12), std::pair(device_under_test(), 1e-5)}) {
    const std::vector<Tensor> got =
        evaluate(std::vector{y, back}, {{"x", x_value}, {"z", z_value}}, {.device = device});
    const double left = dot(got[0], z_value), right = dot(x_value, got[1]);
    EXPECT_NEAR(left, right, tolerance * (dot(x_value, x_value) + std::abs(left))) << device.str();
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ConvTranspose2dCases, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

Tensor counting(const Shape& shape) {
  Tensor tensor(shape);
  std::iota(tensor.values<float>().begin(), tensor.values<float>().end(), 1.0f);
  return tensor;
}

// Values of PyTorch 1.13.
TEST(ConvTranspose2d, HasKnownValues) {
  Graph g;
  const Parameter w(Tensor::of<float>(
      {2, 2, 2, 3}, {-2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1}));
  const Parameter b(Tensor::of<float>({2}, {10, -10}));
  const Var y = conv_transpose2d(g.input("x", {2, 2, 2}), g.parameter(w), g.parameter(b),
                                 {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .dilation = {1, 2}});
  EXPECT_EQ(y.shape(), (Shape{2, 3, 6}));
  EXPECT_EQ(doubles(evaluate_under_test(y, {{"x", counting({1, 2, 2, 2})}})),
            (std::vector<double>{-1, -4, 11, 12, 18,  18,  18,  18,  3, 2, 23,  26,  -7, -10, 13, 14, 18,  18,
                                 -9, -8, -2, -2, -15, -16, -17, -18, 3, 6, -27, -30, -7, -6,  -2, -2, -17, -18}));
  const Parameter grouped(Tensor::of<float>({4, 1, 2, 2}, {-3, 0, 3, -1, 2, -2, 1, -3, 0, 3, -1, 2, -2, 1, -3, 0}));
  const Var z = conv_transpose2d(g.input("z", {4, 2, 2}), g.parameter(grouped), {.stride = 2, .groups = 2});
  EXPECT_EQ(z.shape(), (Shape{2, 4, 4}));
  EXPECT_EQ(doubles(evaluate_under_test(z, {{"z", counting({1, 4, 2, 2})}})),
            (std::vector<double>{7,   -10, 6,   -12, 8,   -16, 12,  -20, 5,   -14, 4,   -16, 16,  -24, 20,  -28,
                                 -26, 40,  -28, 44,  -48, 18,  -52, 20,  -30, 48,  -32, 52,  -56, 22,  -60, 24}));
}

/// 0, 1, 2, … modulo `modulus`, less half of it.
Tensor counting(const Shape& shape, int modulus) {
  Tensor tensor(shape);
  int next = 0;
  for (float& value : tensor.values<float>()) value = static_cast<float>(next++ % modulus - modulus / 2);
  return tensor;
}

/// y, dx and dw of the transposed convolution of x, for dy = counting(…, 11).
std::vector<std::vector<double>> values_and_gradients(const Shape& x_shape, const Shape& w_shape,
                                                      const ConvTranspose2dOptions& options) {
  Graph g;
  const Parameter weight(counting(w_shape, 5));
  const Var x = g.input("x", x_shape), w = g.parameter(weight), y = conv_transpose2d(x, w, options);
  const Var dy = g.input("dy", y.shape());
  std::vector<Var> results = differentiate(batch_sum(sum_per_sample(mul(y, dy))), std::vector{x, w});
  results.insert(results.begin(), y);
  std::vector<std::vector<double>> numbers;
  for (const Tensor& tensor : evaluate_under_test(
           results, {{"x", counting(x_shape.with_leading(1), 7)}, {"dy", counting(y.shape().with_leading(1), 11)}}))
    numbers.push_back(doubles(tensor));
  return numbers;
}

// Values of PyTorch 2.15 in float64: conv_transpose2d_golden.py.
TEST(ConvTranspose2d, OutputPaddingBeyondTheStrideIsPyTorchs) {
  using Numbers = std::vector<double>;
  const auto got = values_and_gradients(
      {2, 2, 3}, {2, 2, 2, 2}, {.stride = {1, 2}, .padding = {1, 0}, .output_padding = {2, 3}, .dilation = {3, 4}});
  EXPECT_EQ(got[0], (Numbers{-1, 0, -2, 0, -5, 0, -1, 0, 0,  0, 0, 0, 0, 0, 0,  0, 0,  0, 0,  0, 0,  0, 0, 0,
                             -6, 0, 6,  0, -2, 0, 1,  0, 1,  0, 0, 0, 2, 0, 0,  0, -1, 0, 1,  0, 1,  0, 0, 0,
                             0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0, 0, 0, 0, 2,  0, 3,  0, -2, 0, -3, 0, 0, 0,
                             0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0, 0, 9, 0, -4, 0, -9, 0, 6,  0, 4,  0, 0, 0,
                             -2, 0, -1, 0, 2,  0, 0,  0, -2, 0, 0, 0, 0, 0, 0,  0, 0,  0, 0,  0, 0,  0, 0, 0}));
  EXPECT_EQ(got[1], (Numbers{-1, -1, 10, 2, 18, 12, 19, 13, -15, 13, 4, -5}));
  EXPECT_EQ(got[2], (Numbers{-5, 7, 14, -20, 10, -11, -12, 20, 4, 4, -4, -23, 4, -7, -3, 0}));

  const auto grouped = values_and_gradients(
      {2, 2, 2}, {2, 1, 3, 1}, {.stride = {2, 1}, .output_padding = {2, 1}, .dilation = {3, 2}, .groups = 2});
  EXPECT_EQ(grouped[0], (Numbers{6, 4, 0, 0, 0, 0,  2, 0,  0,  3, 2, 0, 0, 0,  0, 1, 0, 0, 0,  0, 0, 0,
                                 0, 0, 0, 0, 0, 0,  0, 0,  0,  0, 0, 1, 2, 0,  0, 0, 0, 3, -3, 0, 2, 4,
                                 0, 0, 0, 0, 6, -6, 0, -2, -4, 0, 0, 0, 0, -6, 6, 0, 0, 0, 0,  0, 0, 0}));
  EXPECT_EQ(grouped[1], (Numbers{6, 3, -1, -4, -1, 0, 5, 6}));
  EXPECT_EQ(grouped[2], (Numbers{22, -21, -9, -16, 11, 5}));
}

TEST(ConvTranspose2d, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& x, const Shape& w, const ConvTranspose2dOptions& options,
                          std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { conv_transpose2d(g.input("x", x), g.parameter(Parameter(Tensor(w))), options); },
                       parts);
  };
  refuses({3, 8, 8}, {4, 2, 3, 3}, {},
          {"conv_transpose2d: channels differ; got x=f32[N,3,8,8], w=f32[4,2,3,3]; expected x.C == w.C"});
  refuses({3, 8, 8}, {3, 2, 3, 3}, {.groups = 2}, {"channels do not divide into groups", "x.C % groups == 0"});
  refuses({3, 8, 8}, {3, 2, 3, 3}, {.output_padding = 1},
          {"options out of range", "output_padding < max(stride, dilation)"});
  refuses({3, 8, 8}, {3, 2, 3, 3}, {.stride = 2, .output_padding = {0, 3}, .dilation = {9, 3}},
          {"options out of range"});
  refuses({3, 8, 8}, {3, 2, 3, 3}, {.output_padding = {-1, 0}}, {"options out of range", "output_padding=-1x0"});
  refuses({3, 8, 8}, {3, 2, 3, 3}, {.stride = {0, 1}}, {"options out of range", "stride=0x1"});
  refuses({3, 1, 8}, {3, 2, 2, 3}, {.padding = {1, 0}}, {"padding cuts everything off", "padding=1x0"});
  refuses({3, 8}, {3, 2, 3, 3}, {}, {"x has 3 dimensions, not 4", "x=[N,C,H,W]"});
  refuses({3, 8, 8}, {3, 2, 3}, {}, {"w has 3 dimensions, not 4", "w=f32[3,2,3]"});
  expect_shape_error(
      [](Graph& g) {
        conv_transpose2d(g.input("x", {3, 8, 8}), g.parameter(Parameter(Tensor({3, 4, 3, 3}))),
                         g.parameter(Parameter(Tensor({3}))));
      },
      {"bias:", "b=f32[3]"});
}

}  // namespace
}  // namespace sluice::test
