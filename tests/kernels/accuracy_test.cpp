#include <sluice/kernels/accuracy/accuracy.h>

#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Accuracy, EqualsReference) {
  for (const Shape& logits : {Shape{2}, Shape{10}, Shape{3, 5, 7}, Shape{4, 33, 37}})
    for (const std::optional<int> ignore : {std::optional<int>(), std::optional<int>(1)})
      check_op({.name = logits.str(true),
                .inputs = {{.name = "logits", .shape = logits, .differentiable = false},
                           {.name = "labels",
                            .shape = logits.without_leading(),
                            .dtype = DType::i32,
                            .low = 0,
                            .high = static_cast<double>(logits[0] - 1)}},
                .build = [=](auto in) { return std::vector{correct(in[0], in[1], {.ignore_index = ignore})}; },
                .samples = 9,
                .tolerance = 1e-7});
}

double count(const std::vector<float>& logits, std::int32_t label, const CorrectOptions& options = {}) {
  Graph graph;
  const Shape shape{static_cast<std::int64_t>(logits.size())};
  const Var y = correct(graph.input("x", shape), graph.input("label", {}, DType::i32), options);
  return doubles(evaluate_under_test(y, {{"x", Tensor::of<float>(shape.with_leading(1), logits)},
                                         {"label", Tensor::of<std::int32_t>({1}, {label})}}))[0];
}

TEST(Accuracy, LowestOfEqualLogitsWins) {
  EXPECT_EQ(count({1, 3, 3}, 1), 1);
  EXPECT_EQ(count({1, 3, 3}, 2), 0);
  EXPECT_EQ(count({0, 0, 0}, 0), 1);
}

TEST(Accuracy, WhatIsNoClassIsNotRight) {
  EXPECT_EQ(count({3, 1}, -100), 0);
  EXPECT_EQ(count({3, 1}, 2), 0);
  EXPECT_EQ(count({3, 1}, 0, {.ignore_index = 0}), 0);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(count({nan, 1}, 0), 0);
  EXPECT_EQ(count({nan, 1}, 1), 0);
}

TEST(Accuracy, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        correct(g.input("x", {3, 4}), g.input("l", {5}, DType::i32));
      },
      {"correct: labels do not fit the logits", "logits=f32[N,3,4]", "labels=i32[N,5]"});
  expect_shape_error([](Graph& g) { correct(g.input("x", {3}), g.input("l", {}, DType::u8)); },
                     {"correct: labels are u8, not i32", "Tensor::to(DType::i32)"});
  expect_shape_error([](Graph& g) { correct(g.input("x", {}), g.input("l", {}, DType::i32)); },
                     {"correct: logits have no classes", "f32[N,C]"});
}

}  // namespace
}  // namespace sluice::test
