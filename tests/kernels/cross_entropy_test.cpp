#include <sluice/kernels/cross_entropy/cross_entropy.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  Shape logits;
  std::optional<int> ignore_index;
  bool class_weights, sample_weights;
};

OpCase op_case(const Case& c, std::int64_t samples = 5) {
  OpCase test{.name = c.logits.str(true), .inputs = {}, .build = {}, .samples = samples};
  test.inputs.push_back({.name = "logits", .shape = c.logits, .low = -4, .high = 4});
  test.inputs.push_back({.name = "labels",
                         .shape = c.logits.without_leading(),
                         .dtype = DType::i32,
                         .low = 0,
                         .high = static_cast<double>(c.logits[0] - 1)});
  if (c.class_weights)
    test.inputs.push_back(
        {.name = "cw", .shape = {c.logits[0]}, .scope = Scope::batch, .low = 0.5, .high = 2, .differentiable = false});
  if (c.sample_weights)
    test.inputs.push_back({.name = "sw", .shape = {}, .low = 0, .high = 2, .differentiable = false});
  test.build = [c](auto in) {
    const Var cw = c.class_weights ? in[2] : Var(), sw = c.sample_weights ? in.back() : Var();
    const CrossEntropyOptions options{.ignore_index = c.ignore_index};
    return std::vector{cross_entropy_loss(in[0], in[1], options, cw, sw), cross_entropy_weight(in[1], options, cw, sw)};
  };
  return test;
}

TEST(CrossEntropy, EqualsReferenceAndDifferences) {
  for (const Shape& logits : {Shape{2}, Shape{10}, Shape{3, 5, 7}, Shape{4, 33, 37}})
    for (const std::optional<int> ignore : {std::optional<int>(), std::optional<int>(1)})
      for (const bool class_weights : {false, true})
        for (const bool sample_weights : {false, true})
          check_op(op_case({logits, ignore, class_weights, sample_weights}));
}

TEST(CrossEntropy, GradientIsLinearInDloss) {
  const OpInput labels{.name = "labels", .shape = {3}, .dtype = DType::i32, .low = 0, .high = 3};
  for (const Scope scope : {Scope::sample, Scope::batch})
    check_op({.name = "dloss",
              .inputs = {{.name = "logits", .shape = {4, 3}, .differentiable = false}, labels, {"dloss", {}, scope}},
              .build = [](auto in) { return std::vector{cross_entropy_grad(in[0], in[1], in[2])}; }});
}

TEST(CrossEntropy, MeanLossHasAGradientThatReadsItsFactorDirectly) {
  Graph graph;
  const Var logits = graph.input("logits", {4}), labels = graph.input("labels", {}, DType::i32);
  const Var loss = batch_sum(cross_entropy_loss(logits, labels));
  const Var dx = differentiate(loss, std::vector{logits})[0];
  const Node& node = graph.node(graph.value(dx.id()).producer);
  EXPECT_EQ(node.op->type(), "cross_entropy_grad");
  EXPECT_FALSE(graph.value(node.inputs.back()).spec.is_sample());
}

TEST(CrossEntropy, WeightDependsOnLabelsOnly) {
  Graph graph;
  const Var labels = graph.input("labels", {2, 2}, DType::i32);
  const Tensor values = Tensor::of<std::int32_t>({2, 2, 2}, {0, -100, 1, 2, -100, -100, -100, -100});
  const Tensor weight = evaluate_under_test(cross_entropy_weight(labels), {{"labels", values}});
  EXPECT_EQ(doubles(weight), (std::vector<double>{3, 0}));
}

/// Loss and gradient of some logits [n,2] by hand-made labels and sample weights.
std::vector<Tensor> loss_and_gradient(const std::vector<float>& logits, const std::vector<std::int32_t>& labels,
                                      const std::vector<float>& weights, Device device) {
  const auto n = static_cast<std::int64_t>(labels.size());
  Graph graph;
  const Var x = graph.input("x", {2}), label = graph.input("label", {}, DType::i32), w = graph.input("w", {});
  const Var loss = cross_entropy_loss(x, label, {}, {}, w);
  const Var dx = differentiate(batch_sum(loss), std::vector{x})[0];
  return evaluate(std::vector{loss, dx},
                  {{"x", Tensor::of<float>({n, 2}, logits)},
                   {"label", Tensor::of<std::int32_t>({n}, labels)},
                   {"w", Tensor::of<float>({n}, weights)}},
                  {.device = device});
}

class CrossEntropyEdge : public testing::TestWithParam<Device> {
 protected:
  CrossEntropyEdge() { register_reference_device(); }
};

TEST_P(CrossEntropyEdge, WeightZeroCountsExactlyZero) {
  const std::vector<Tensor> got =
      loss_and_gradient({inf, 0, nan, nan, -inf, inf, 0, 0}, {1, 0, -100, 0}, {0, 0, 1, 1}, GetParam());
  EXPECT_EQ(doubles(got[0])[0], 0);
  EXPECT_EQ(doubles(got[0])[1], 0);
  EXPECT_EQ(doubles(got[0])[2], 0);  // ignored
  EXPECT_NEAR(doubles(got[0])[3], std::log(2.0), 1e-6);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(doubles(got[1])[static_cast<std::size_t>(i)], 0);
}

// No class weight can be looked up for such a label, but a sample that does not count needs none.
TEST_P(CrossEntropyEdge, WeightZeroForgivesAnyLabel) {
  Graph graph;
  const Var x = graph.input("x", {2}), label = graph.input("label", {}, DType::i32), w = graph.input("w", {});
  const Var cw = graph.parameter(Parameter(Tensor({2})));
  const Var loss = cross_entropy_loss(x, label, {}, cw, w), weight = cross_entropy_weight(label, {}, cw, w);
  const Var dx = differentiate(batch_sum(loss), std::vector{x})[0];
  const std::vector<Tensor> got =
      evaluate(std::vector{loss, weight, dx},
               {{"x", Tensor({1, 2})}, {"label", Tensor::of<std::int32_t>({1}, {7})}, {"w", Tensor({1})}},
               {.device = GetParam()});
  for (const Tensor& values : got)
    for (const double value : doubles(values)) EXPECT_EQ(value, 0);
}

// Positions of one map are computed side by side; what is ignored at one must not show at another.
TEST_P(CrossEntropyEdge, PositionsOfAMapDoNotMix) {
  Graph graph;
  const Var x = graph.input("x", {2, 4}), label = graph.input("label", {4}, DType::i32);
  const Var loss = cross_entropy_loss(x, label);
  const Var dx = differentiate(batch_sum(loss), std::vector{x})[0];
  const std::vector<Tensor> got = evaluate(std::vector{loss, dx},
                                           {{"x", Tensor::of<float>({1, 2, 4}, {nan, 1000, inf, 5, 0, 0, nan, 5})},
                                            {"label", Tensor::of<std::int32_t>({1, 4}, {-100, 1, -100, 0})}},
                                           {.device = GetParam()});
  EXPECT_NEAR(doubles(got[0])[0], 1000 + std::log(2.0), 1e-4);
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{0, 1, 0, -0.5, 0, -1, 0, 0.5}));
}

TEST_P(CrossEntropyEdge, DoesNotOverflow) {
  const std::vector<Tensor> got =
      loss_and_gradient({1000, 0, 1000, 0, -3e38f, 3e38f}, {0, 1, 1}, {1, 1, 1}, GetParam());
  EXPECT_EQ(doubles(got[0]), (std::vector<double>{0, 1000, 0}));
  EXPECT_EQ(doubles(got[1]), (std::vector<double>{0, 0, 1, -1, 0, 0}));
}

TEST_P(CrossEntropyEdge, LabelOutOfRangeGivesNan) {
  for (const int label : {-1, 2, -2147483647, 2147483647}) {
    const std::vector<Tensor> got = loss_and_gradient({1, 2, 1, 2}, {label, 0}, {1, 1}, GetParam());
    EXPECT_TRUE(std::isnan(doubles(got[0])[0]));
    EXPECT_TRUE(std::isnan(doubles(got[1])[0]));
    EXPECT_TRUE(std::isfinite(doubles(got[0])[1]));
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, CrossEntropyEdge, testing::Values(device_under_test(), Device::reference()),
                         [](const auto& info) { return info.param.str(); });

TEST(CrossEntropy, GradientWorksInPlace) {
  Graph graph;
  const Var x = graph.input("x", {7, 40, 41}), labels = graph.input("labels", {40, 41}, DType::i32);
  cross_entropy_grad(x, labels, graph.scalar("d"));
  KernelCase test{.op = graph.node(0).op,
                  .inputs = {{random_tensor({2, 7, 40, 41}, DType::f32, -3, 3, 1)},
                             {random_tensor({2, 40, 41}, DType::i32, 0, 6, 2)},
                             {Tensor::of<float>({}, {0.5f}), Scope::batch}}};
  const KernelResult apart = run_kernel(test);
  test.in_place = true;
  EXPECT_EQ(relative_error(run_kernel(test).outputs[0], apart.outputs[0]), 0);
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  const auto refuses = [](const Shape& logits, const Shape& labels, DType dtype,
                          std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph& g) { cross_entropy_loss(g.input("x", logits), g.input("l", labels, dtype)); }, parts);
  };
  refuses({10}, {2}, DType::i32, {"cross_entropy_loss:", "logits=f32[N,10]", "labels=i32[N,2]"});
  refuses({10}, {}, DType::f32,
          {"cross_entropy_loss: labels are f32, not i32", "labels=f32[N]", "Tensor::to(DType::i32)"});
  refuses({}, {}, DType::i32, {"cross_entropy_loss:", "logits=f32[N]"});
  expect_shape_error(
      [](Graph& g) {
        cross_entropy_loss(g.input("x", {10}), g.input("l", {}, DType::i32), {}, g.parameter(Parameter(Tensor({9}))));
      },
      {"cross_entropy_loss:", "class_weights=f32[9]"});
  expect_shape_error([](Graph& g) { cross_entropy_weight(g.input("l", {}, DType::i32), {}, {}, g.input("w", {2})); },
                     {"cross_entropy_weight:", "sample_weights=f32[N,2]"});
}

}  // namespace
}  // namespace sluice::test
