#include <sluice/kernels/batch_norm/batch_norm.h>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/add_relu/add_relu.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/relu_mask.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice {
namespace {

using namespace test;

using Inputs = std::span<const Var>;

std::vector<OpInput> operands(const Shape& x) {
  const Shape channels{x[0]};
  return {{.name = "x", .shape = x, .low = -1, .high = 3},
          {.name = "scale", .shape = channels, .scope = Scope::batch, .low = 0.5, .high = 2},
          {.name = "shift", .shape = channels, .scope = Scope::batch}};
}

/// Convolution first, so that the CPU kernel sees the layout it works in.
Var blocked(Var x) {
  const std::int64_t channels = x.shape()[0];
  std::vector<float> identity(static_cast<std::size_t>(channels * channels));
  for (std::int64_t c = 0; c < channels; ++c) identity[static_cast<std::size_t>(c * channels + c)] = 1;
  const Parameter w(Tensor::of<float>({channels, channels, 1, 1}, identity));
  return conv2d(x, x.graph().parameter(w));
}

TEST(BatchNorm, Local) {
  for (const Shape& x : {Shape{3, 5, 4}, Shape{16, 3, 3}, Shape{33, 2, 2}, Shape{7}})
    check_op({.name = x.str(), .inputs = operands(x), .build = [](Inputs in) {
                return std::vector{batch_norm(in[0], in[1], in[2])};
              }});
}

TEST(BatchNorm, LocalInTheLayoutOfConvolutions) {
  for (const std::int64_t c : {3, 16, 20, 32})
    check_op({.name = std::to_string(c),
              .inputs = operands({c, 6, 5}),
              .build = [](Inputs in) { return std::vector{batch_norm(blocked(in[0]), in[1], in[2])}; },
              .samples = 5});
}

TEST(BatchNorm, WithReluAndAddend) {
  for (const bool in_blocks : {false, true}) {
    std::vector<OpInput> inputs = operands({20, 4, 3});
    const auto lay = [=](Var x) { return in_blocks ? blocked(x) : x; };
    check_op({.name = "relu", .inputs = inputs, .build = [=](Inputs in) {
                return std::vector{relu(batch_norm(lay(in[0]), in[1], in[2]))};
              }});
    inputs.push_back({.name = "addend", .shape = {20, 4, 3}});
    check_op({.name = "addend", .inputs = inputs, .build = [=](Inputs in) {
                return std::vector{add(in[3], batch_norm(lay(in[0]), in[1], in[2]))};
              }});
    check_op({.name = "addend and relu", .inputs = inputs, .build = [=](Inputs in) {
                const Var y = relu(add(batch_norm(lay(in[0]), in[1], in[2]), in[3]));
                return std::vector{y, mask_of(y)};
              }});
  }
}

// Blocks that fill words of the mask, that end in the middle of one, and that are less than one; for several threads.
TEST(BatchNorm, MaskOfAnyShape) {
  for (const Shape& shape : {Shape{64, 7, 7}, Shape{20, 7, 7}, Shape{3, 5, 5}, Shape{20}, Shape{33, 8, 8}})
    for (const bool in_blocks : {false, true}) {
      if (in_blocks && shape.rank() < 3) continue;
      std::vector<OpInput> inputs = operands(shape);
      inputs.push_back({.name = "addend", .shape = shape});
      check_op({.name = shape.str() + (in_blocks ? " in blocks" : ""),
                .inputs = inputs,
                .build =
                    [=](Inputs in) {
                      const Var x = in_blocks ? blocked(in[0]) : in[0];
                      const Var y = relu(add(batch_norm(x, in[1], in[2]), in[3]));
                      return std::vector{y, mask_of(y)};
                    },
                .samples = 13,
                .differences = 4});
    }
}

// In every layout its loops know, and in place.
TEST(BatchNorm, MaskLiesAsItsOutput) {
  const Shape shape{21, 5, 3};
  Graph graph;
  const Var one = graph.constant(1, {21}), zero = graph.constant(0, {21});
  const Var moments = graph.add1(std::make_shared<FixedMomentsOp>(), {zero, one});
  const Tensor a = random_tensor(shape.with_leading(3), DType::f32, -1, 1, 1),
               b = random_tensor(shape.with_leading(3), DType::f32, -1, 1, 2);
  Tensor y(a.shape()), mask(a.shape(), DType::u8);
  for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
    const float sum = a.values<float>()[i] / std::sqrt(2.0f) + b.values<float>()[i];
    y.values<float>()[i] = std::max(sum, 0.0f);
    mask.values<std::uint8_t>()[i] = sum > 0 ? 1 : 0;
  }
  const OpPtr op =
      std::make_shared<BatchNormOp>(BatchNormTraits{.moments_of = MomentsOf::constant, .eps = 1, .relu = true}, true);
  const KernelInput statistics{evaluate_under_test(moments, {}).to(DType::f64), Scope::batch, {}, moments.spec()};
  const KernelInput scale{evaluate_under_test(one, {}), Scope::batch},
      shift{evaluate_under_test(zero, {}), Scope::batch};
  for (const Layout& layout :
       {Layout(), Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)})
    for (const bool in_place : {false, true}) {
      const KernelResult got = run_kernel(
          {.op = op, .inputs = {{a, {}, layout}, statistics, scale, shift, {b, {}, layout}}, .in_place = in_place});
      EXPECT_EQ(got.output_layouts, (std::vector{layout, layout}));
      EXPECT_LE(relative_error(got.outputs[0], y), 1e-6);
      EXPECT_EQ(relative_error(got.outputs[1], mask), 0);
    }
}

// Sums over one position and over thousands, of values whose mean is 1000 standard deviations.
TEST(BatchNorm, SumsInEveryLayout) {
  for (const Shape& shape : {Shape{21, 5, 3}, Shape{64, 8, 8}, Shape{8, 1, 1}, Shape{3, 40, 40}, Shape{132, 6, 7}}) {
    Graph graph;
    const Var mean = graph.constant(1000, {shape[0]}), variance = graph.constant(0.3, {shape[0]});
    const Var moments = graph.add1(std::make_shared<FixedMomentsOp>(), {mean, variance});
    const KernelInput statistics{evaluate_under_test(moments, {}).to(DType::f64), Scope::batch, {}, moments.spec()};
    const KernelInput scale{random_tensor({shape[0]}, DType::f32, 0.5, 2, 4), Scope::batch},
        shift{random_tensor({shape[0]}, DType::f32, -1, 1, 5), Scope::batch};
    const Tensor x = random_tensor(shape.with_leading(5), DType::f32, 999, 1001, 1),
                 dy = random_tensor(shape.with_leading(5), DType::f32, -1, 1, 2);
    const OpPtr of_x = std::make_shared<BatchMomentsOp>();
    const KernelResult expected = run_kernel({.op = of_x, .inputs = {{x}}, .device = Device::reference()});
    for (const bool relu : {false, true}) {
      const OpPtr of_dy =
          std::make_shared<BatchNormGradSumsOp>(BatchNormTraits{.moments_of = MomentsOf::constant, .relu = relu});
      const KernelResult expected_dy =
          run_kernel({.op = of_dy, .inputs = {{dy}, {x}, statistics, scale, shift}, .device = Device::reference()});
      for (const Layout& layout :
           {Layout(), Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)}) {
        SCOPED_TRACE(shape.str() + " " + layout.str(4));
        const KernelResult got = run_kernel({.op = of_x, .inputs = {{x, Scope::sample, layout}}});
        EXPECT_LE(relative_error(got.outputs[0], expected.outputs[0]), 1e-13);
        const KernelResult got_dy =
            run_kernel({.op = of_dy,
                        .inputs = {{dy, Scope::sample, layout}, {x, Scope::sample, layout}, statistics, scale, shift}});
        EXPECT_LE(relative_error(got_dy.outputs[0], expected_dy.outputs[0]), 1e-5);
      }
    }
  }
}

TEST(BatchNorm, Exact) {
  check_op({.name = "exact", .inputs = operands({5, 3, 4}), .build = [](Inputs in) {
              return std::vector{relu(batch_norm(in[0], in[1], in[2], {.mode = BatchNormMode::exact}))};
            }});
}

TEST(BatchNorm, Fixed) {
  std::vector<OpInput> inputs = operands({20, 4, 3});
  inputs.push_back({.name = "mean", .shape = {20}, .scope = Scope::batch, .differentiable = false});
  inputs.push_back(
      {.name = "variance", .shape = {20}, .scope = Scope::batch, .low = 0.5, .high = 2, .differentiable = false});
  for (const bool in_blocks : {false, true})
    check_op({.name = "fixed", .inputs = inputs, .build = [=](Inputs in) {
                const Var x = in_blocks ? blocked(in[0]) : in[0];
                return std::vector{relu(batch_norm_fixed(x, in[3], in[4], in[1], in[2]))};
              }});
}

/// Where |mean| is 1000 standard deviations the result has all the precision that its input has.
TEST(BatchNorm, LargeMean) {
  register_reference_device();
  Graph graph;
  const Var x = graph.input("x", {2, 16, 16});
  const Var y = batch_norm(x, graph.constant(1, {2}), graph.constant(0, {2}));
  const Tensor noise = random_tensor({8, 2, 16, 16}, DType::f32, 999, 1001, 3);
  const std::vector<double> got = doubles(evaluate_under_test(y, {{"x", noise}}, {}));
  const std::vector<double> expected = doubles(evaluate(y, {{"x", noise}}, {.device = Device::reference()}));
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - expected[i]));
  EXPECT_LT(worst, 1e-6);
}

TEST(BatchNorm, NotANumberStays) {
  Graph graph;
  const Var x = graph.input("x", {1, 1, 2});
  const Var y = relu(batch_norm_fixed(x, graph.constant(0, {1}), graph.constant(1, {1}), graph.constant(1, {1}),
                                      graph.constant(0, {1})));
  const Tensor values = Tensor::of<float>({1, 1, 1, 2}, {std::nanf(""), 1.0f});
  EXPECT_TRUE(std::isnan(doubles(evaluate_under_test(y, {{"x", values}}, {}))[0]));
}

TEST(BatchNorm, OneElementAChannel) {
  Graph graph;
  const Var x = graph.input("x", {2, 1, 1});
  const Var y = batch_norm(x, graph.constant(2, {2}), graph.constant(3, {2}));
  EXPECT_EQ(doubles(evaluate_under_test(y, {{"x", random_tensor({1, 2, 1, 1}, DType::f32, -1, 1, 1)}}, {})),
            (std::vector<double>{3, 3}));
}

/// Moments of a batch are the sums of those of its parts.
TEST(BatchNorm, MomentsAddOverSplits) {
  Graph graph;
  const Var x = graph.input("x", {5, 3, 3});
  const Var moments = graph.add1(std::make_shared<BatchMomentsOp>(), {x});
  const Tensor whole = random_tensor({4, 5, 3, 3}, DType::f32, -1, 1, 9);
  const auto rows = [&](std::int64_t first, std::int64_t count) {
    const auto values =
        whole.values<float>().subspan(static_cast<std::size_t>(first * 45), static_cast<std::size_t>(count * 45));
    return Tensor::of<float>({count, 5, 3, 3}, {values.begin(), values.end()});
  };
  const auto at = [&](const Tensor& t) { return doubles(evaluate_under_test(moments, {{"x", t}}, {})); };
  const std::vector<double> all = at(whole), first = at(rows(0, 1)), rest = at(rows(1, 3));
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(all[i], first[i] + rest[i], 1e-12);
}

TEST(BatchNorm, SaysWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        batch_norm(g.input("x", {3, 4, 4}), g.constant(1, {4}), g.constant(0, {3}));
      },
      {"batch_norm: channels differ; got x with 3 channels, f32[N,3,4,4]; expected 4"});
  expect_shape_error(
      [](Graph& g) {
        batch_norm(g.input("x", {3, 4, 4}), g.constant(1, {3}), g.constant(0, {4}));
      },
      {"batch_norm", "input 3 does not fit the channels", "f32[4]", "f32[3] of batch scope"});
  expect_shape_error(
      [](Graph& g) { batch_norm_update(g.constant(0, {2}), g.constant(0, {2}), g.input("x", {3}), 0.1); },
      {"batch_norm: channels differ; got x with 3 channels, f32[N,3]; expected 2"});
  expect_shape_error(
      [](Graph& g) {
        batch_norm(g.input("x", {3, 4, 4}, DType::u8), g.constant(1, {3}), g.constant(0, {3}));
      },
      {"batch_norm: x is u8, not f32; got u8[N,3,4,4]", "without mean and std"});
  expect_shape_error(
      [](Graph& g) {
        batch_norm(g.constant(1, {3, 4}), g.constant(1, {3}), g.constant(0, {3}));
      },
      {"batch_norm: x is a batch value, not a sample value", "f32[3,4]"});
  expect_shape_error(
      [](Graph& g) { batch_norm(g.input("x", {3}), g.constant(1, {3}), g.constant(0, {3}), {.eps = 0}); }, {"eps > 0"});
  expect_shape_error(
      [](Graph& g) { batch_norm_update(g.constant(0, {3}), g.constant(0, {2}), g.input("x", {3}), 0.1); },
      {"batch_norm_update", "running statistics", "f32[3]"});
  expect_shape_error(
      [](Graph& g) { batch_norm_update(g.constant(0, {3}), g.constant(0, {3}), g.input("x", {3}), 1.5); },
      {"0 <= momentum <= 1"});
}

TEST(ByProduct, IsReadOnlyByOpsThatKnow) {
  const auto moments = [](Graph& g) { return g.add1(std::make_shared<BatchMomentsOp>(), {g.input("x", {2, 3})}); };
  expect_shape_error([&](Graph& g) { add(moments(g), moments(g)); }, {"add", "by-product", "f64[3,2] by-product"});
  expect_shape_error([&](Graph& g) { flatten(moments(g)); }, {"is a by-product"});
  expect_shape_error([&](Graph& g) { relu(moments(g)); }, {"relu", "is a by-product"});
  expect_shape_error([&](Graph& g) { scale_by(g.input("x", {2}), g.constant(2, {}, DType::f64)); },
                     {"scale_by", "an f32 factor"});
}

TEST(AddRelu, MatchesReference) {
  const auto with_mask = [](Inputs in) {
    const Var y = relu(add(in[1], in[0]));
    return std::vector{y, mask_of(y)};
  };
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{17, 3, 5}, Shape{32}, Shape{12345}})
    check_op({.name = shape.str(), .inputs = {{"a", shape}, {"b", shape}}, .build = with_mask});
  // A batch operand repeats for every sample, or for every element.
  for (const Shape& shape : {Shape{}, Shape{4, 3}, Shape{33}, Shape{12345}})
    check_op({.name = "batch operand " + shape.str(),
              .inputs = {{"a", shape}, {.name = "b", .shape = shape, .scope = Scope::batch}},
              .build = with_mask,
              .samples = 40});
  check_op({.name = "both batch values",
            .inputs = {{.name = "a", .shape = {5}, .scope = Scope::batch},
                       {.name = "b", .shape = {5}, .scope = Scope::batch}},
            .build = with_mask});
}

TEST(AddRelu, KeepsLayoutAndWorksInPlace) {
  const Shape shape{21, 5, 3};
  const OpPtr op = std::make_shared<AddReluOp>();
  const Tensor a = random_tensor(shape.with_leading(2), DType::f32, -1, 1, 1),
               b = random_tensor(shape.with_leading(2), DType::f32, -1, 1, 2);
  const KernelResult plain = run_kernel({.op = op, .inputs = {{a}, {b}}});
  for (const Layout& layout : {Layout::channels_last(), Layout::channel_blocked(16), Layout::channel_blocked(8)})
    for (const bool in_place : {false, true}) {
      const KernelResult got = run_kernel({.op = op, .inputs = {{a, {}, layout}, {b}}, .in_place = in_place});
      EXPECT_EQ(got.output_layouts, (std::vector{layout, layout}));
      for (const std::size_t o : {0U, 1U}) EXPECT_EQ(relative_error(got.outputs[o], plain.outputs[o]), 0);
    }
}

TEST(AddRelu, SaysWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        g.add1(std::make_shared<AddReluOp>(), {g.input("a", {3}), g.input("b", {4})});
      },
      {"add_relu", "f32[N,3]", "f32[N,4]"});
}

}  // namespace
}  // namespace sluice
