#include <sluice/kernels/normalize/normalize.h>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Normalize, EqualsReference) {
  const NormalizeOptions per_channel{.mean = {0.4914f, 0.4822f, 0.4465f}, .std = {0.247f, 0.243f, 0.261f}};
  const NormalizeOptions common{.mean = {0.286f}, .std = {0.353f}};
  for (const DType dtype : {DType::u8, DType::f32})
    for (const Shape& shape : {Shape{3}, Shape{3, 7, 5}, Shape{3, 32, 33}})
      for (const NormalizeOptions& options : {per_channel, common})
        check_op(
            {.name = shape.str(true),
             .inputs = {{.name = "x", .shape = shape, .dtype = dtype, .low = 0, .high = 255, .differentiable = false}},
             .build = [=](auto in) { return std::vector{normalize(in[0], options)}; }});
}

TEST(Normalize, IsTheFormula) {
  Graph graph;
  const Var y = normalize(graph.input("x", {2, 1, 2}, DType::u8), {.mean = {0.5f, 0.25f}, .std = {0.5f, 2}});
  const Tensor got = evaluate_under_test(y, {{"x", Tensor::of<std::uint8_t>({1, 2, 1, 2}, {0, 255, 0, 51})}});
  const std::vector<double> expected{-1, 1, -0.125, -0.025};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(doubles(got)[i], expected[i], 2e-7);
}

TEST(Normalize, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        normalize(g.input("x", {3, 2, 2}, DType::u8), {.mean = {0, 0}, .std = {1, 1}});
      },
      {"normalize:", "x=u8[N,3,2,2]", "2 means"});
  expect_shape_error([](Graph& g) { normalize(g.input("x", {3}, DType::i32), {}); }, {"normalize:", "i32"});
  expect_shape_error([](Graph& g) { normalize(g.input("x", {3}, DType::u8), {.std = {0}}); },
                     {"normalize:", "std > 0"});
}

}  // namespace
}  // namespace sluice::test
