#include <sluice/kernels/flatten/flatten.h>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/relu/relu.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Flatten, EqualsReferenceAndDifferences) {
  check_op({.name = "flatten", .inputs = {{"x", {3, 4, 5}}}, .build = [](auto in) {
              return std::vector{relu(flatten(relu(in[0])))};
            }});
  check_op({.name = "reshape of a batch value", .inputs = {{"w", {4, 6}, Scope::batch}}, .build = [](auto in) {
              return std::vector{relu(reshape(relu(in[0]), {2, 3, 4}))};
            }});
}

TEST(Flatten, KeepsRowMajorOrder) {
  Graph graph;
  const Tensor x = random_tensor({2, 3, 4, 5}, DType::f32, -1, 1, 1);
  const Tensor y = evaluate_under_test(flatten(graph.input("x", {3, 4, 5})), {{"x", x}});
  EXPECT_EQ(y.shape(), (Shape{2, 60}));
  EXPECT_EQ(doubles(y), doubles(x));
}

TEST(Flatten, OfWhatIsFlatIsTheSameValue) {
  Graph graph;
  const Var x = graph.input("x", {7});
  EXPECT_EQ(flatten(x), x);
  EXPECT_EQ(graph.nodes(), 0);
}

TEST(Flatten, IsAView) {
  Graph graph;
  flatten(graph.input("x", {3, 4}));
  EXPECT_TRUE(graph.node(0).op->is_view());
}

TEST(Flatten, RefusesWhatDoesNotFit) {
  expect_shape_error([](Graph& g) { reshape(g.input("x", {3, 4}), {11}); }, {"reshape:", "x=f32[N,3,4]", "[N,11]"});
}

}  // namespace
}  // namespace sluice::test
