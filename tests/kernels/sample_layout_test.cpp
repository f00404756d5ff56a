#include <gtest/gtest.h>

#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/shared/sample_layout.h>

#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

std::optional<Layout> of_sample(const Layout& layout) {
  return layout_of_sample({.dims = {2, 3, 4, 5}, .layout = layout});
}

TEST(SampleLayout, OfOneAndOfMany) {
  const Layout last_of_three({1, 2, 0}, {}), blocked_of_three({0, 1, 2}, {{0, 16}});
  EXPECT_EQ(of_sample(Layout()), Layout());
  EXPECT_EQ(of_sample(Layout::channels_last()), last_of_three);
  EXPECT_EQ(of_sample(Layout::channel_blocked(16)), blocked_of_three);
  EXPECT_EQ(of_sample(Layout({1, 0, 2, 3}, {})), std::nullopt);
  EXPECT_EQ(of_sample(Layout({0, 1, 2, 3}, {{0, 2}})), std::nullopt);
  EXPECT_EQ(layout_of_samples(Layout()), Layout());
  EXPECT_EQ(layout_of_samples(last_of_three), Layout::channels_last());
  EXPECT_EQ(layout_of_samples(blocked_of_three), Layout::channel_blocked(16));
  EXPECT_EQ(layout_of_samples(Layout({0, 1, 2, 3}, {{1, 8}}, 2)), std::nullopt);
}

// A batch value that every sample reads, in each layout and beside a padded one.
TEST(SampleLayout, BatchOperandsGiveTheSameInAnyLayout) {
  for (const Shape& shape : {Shape{8, 5, 3}, Shape{21, 2, 3}}) {
    Graph graph;
    mul(graph.input("x", shape), graph.parameter(Parameter(Tensor(shape))));
    const KernelInput b{.value = random_tensor(shape, DType::f32, -1, 1, 2), .scope = Scope::batch};
    const Tensor x = random_tensor(shape.with_leading(3), DType::f32, -1, 1, 1);
    const OpPtr op = graph.node(0).op;
    const KernelResult plain = run_kernel({.op = op, .inputs = {{x}, b}});
    for (const Layout& layout : {Layout(), Layout::channels_last(), Layout::channel_blocked(8)}) {
      const KernelResult got = run_kernel({.op = op, .inputs = {{.value = x, .layout = layout}, b}});
      EXPECT_EQ(doubles(got.outputs[0]), doubles(plain.outputs[0])) << shape.str() << " " << layout.str(4);
    }
  }
}

}  // namespace
}  // namespace sluice::test
