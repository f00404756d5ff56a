#include <sluice/kernels/finite_check/finite_check.h>

#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::int32_t count(const std::vector<Tensor>& tensors, Device device) {
  register_reference_device();
  Graph graph;
  std::vector<Parameter> parameters;
  std::vector<Var> vars;
  for (const Tensor& tensor : tensors) {
    parameters.emplace_back(tensor);
    vars.push_back(graph.parameter(parameters.back()));
  }
  return evaluate(finite_check(vars), {}, {.device = device}).values<std::int32_t>()[0];
}

TEST(FiniteCheck, CountsInAllValues) {
  for (const Device device : {device_under_test(), Device::reference()}) {
    const float largest = std::numeric_limits<float>::max();
    EXPECT_EQ(count({Tensor::of<float>({4}, {0, -0.0f, largest, -largest})}, device), 0);
    EXPECT_EQ(
        count({Tensor::of<float>({2, 2}, {nan, 1, inf, -inf}), Tensor(Shape{}), Tensor::of<float>({1}, {nan})}, device),
        4);
  }
}

TEST(FiniteCheck, FindsOneAmongMany) {
  Tensor large = random_tensor({300007}, DType::f32, -1, 1, 1);
  EXPECT_EQ(count({large, large}, device_under_test()), 0);
  for (const std::size_t place : {std::size_t{0}, std::size_t{150003}, std::size_t{300006}}) {
    Tensor bad = large;
    bad.values<float>()[place] = nan;
    EXPECT_EQ(count({large, bad, large}, device_under_test()), 1);
  }
}

// What is summed in double: moments of a batch normalisation.
TEST(FiniteCheck, CountsDoublesToo) {
  for (const std::size_t place : {std::size_t{0}, std::size_t{500}, std::size_t{1000}}) {
    Tensor sums = random_tensor({1001}, DType::f64, -1, 1, 1), floats = random_tensor({7}, DType::f32, -1, 1, 2);
    const auto bad = [&] {
      Graph graph;
      const Var value = graph.parameter(Parameter(Tensor({1001})));
      const OpPtr op = graph.node(graph.value(finite_check(std::vector{value, value}).id()).producer).op;
      const ValueSpec spec{.shape = {1001}, .dtype = DType::f64, .scope = Scope::batch};
      return run_kernel({.op = op,
                         .inputs = {{.value = sums, .scope = Scope::batch, .spec = spec},
                                    {.value = floats, .scope = Scope::batch}}})
          .outputs[0]
          .values<std::int32_t>()[0];
    };
    EXPECT_EQ(bad(), 0);
    sums.values<double>()[place] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(bad(), 1);
    floats.values<float>()[3] = -inf;
    EXPECT_EQ(bad(), 2);
    sums.values<double>()[place] = 1e300;  // a number, and none in f32
    EXPECT_EQ(bad(), 1);
  }
}

TEST(FiniteCheck, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { finite_check(std::vector{g.input("x", {3})}); },
                     {"finite_check:", "f32[N,3]", "batch"});
  expect_shape_error([](Graph& g) { finite_check(std::vector{g.scalar("k", DType::i32)}); },
                     {"finite_check:", "i32[]"});
  expect_shape_error([](Graph&) { finite_check({}); }, {"finite_check:", "at least one"});
}

}  // namespace
}  // namespace sluice::test
