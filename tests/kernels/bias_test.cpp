#include <sluice/kernels/bias/bias.h>

#include <gtest/gtest.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"
#include "support/threads.h"

namespace sluice::test {
namespace {

TEST(Bias, EqualsReferenceAndDifferences) {
  for (const Shape& shape :
       {Shape{1}, Shape{7}, Shape{33}, Shape{5, 3}, Shape{3, 5, 7}, Shape{16, 12, 12}, Shape{35, 9, 1}})
    for (const std::int64_t samples : {1, 3, 40})
      check_op({.name = shape.str(true),
                .inputs = {{"x", shape}, {"b", {shape[0]}, Scope::batch}},
                .build = [](auto in) { return std::vector{bias(in[0], in[1])}; },
                .samples = samples,
                .differences = 4});
}

class BiasLayouts : public testing::Test {
 protected:
  BiasLayouts() {
    bias(graph_.input("x", {21, 5, 3}), graph_.parameter(Parameter(Tensor({21}))));
    bias_grad(graph_.input("x", {21, 5, 3}));
    forward_ = graph_.node(0).op;
    backward_ = graph_.node(1).op;
  }

  Graph graph_;
  OpPtr forward_, backward_;
  const Tensor x_ = random_tensor({18, 21, 5, 3}, DType::f32, -1, 1, 1);
  const KernelInput b_{.value = random_tensor({21}, DType::f32, -1, 1, 2), .scope = Scope::batch};
  // Only the CPU blocks channels.
  const std::vector<Layout> layouts_ = device_under_test() == Device::cpu()
                                           ? std::vector{Layout(), Layout::channels_last(), Layout::channel_blocked(16),
                                                         Layout::channel_blocked(8), Layout::channel_blocked(4)}
                                           : std::vector{Layout(), Layout::channels_last()};
};

TEST_F(BiasLayouts, AreAllServed) {
  const KernelResult y = run_kernel({.op = forward_, .inputs = {{x_}, b_}, .device = Device::reference()});
  const KernelResult db = run_kernel({.op = backward_, .inputs = {{x_}}, .device = Device::reference(), .runs = 2});
  for (const Layout& layout : layouts_) {
    for (const bool in_place : {false, true}) {
      const KernelResult got =
          run_kernel({.op = forward_, .inputs = {{.value = x_, .layout = layout}, b_}, .in_place = in_place});
      EXPECT_EQ(got.output_layouts[0], layout);
      EXPECT_LE(relative_error(got.outputs[0], y.outputs[0]), 1e-6);
    }
    const KernelResult got = run_kernel({.op = backward_, .inputs = {{.value = x_, .layout = layout}}, .runs = 2});
    EXPECT_EQ(got.input_layouts[0], layout);
    EXPECT_LE(relative_error(got.outputs[0], db.outputs[0]), 1e-6);
  }
}

TEST_F(BiasLayouts, UnknownOnesArePlain) {
  const Layout odd({0, 3, 1, 2}, {});
  const KernelResult got = run_kernel({.op = forward_, .inputs = {{.value = x_, .layout = odd}, b_}});
  EXPECT_TRUE(got.input_layouts[0].is_plain());
}

TEST_F(BiasLayouts, GradientDoesNotDependOnThreads) {
  SLUICE_NEEDS_OPENMP_THREADS();
  Backend& backend = device_under_test().backend();
  for (const Layout& layout : layouts_) {
    const auto run = [&] { return run_kernel({.op = backward_, .inputs = {{.value = x_, .layout = layout}}}); };
    const KernelResult one = backend.with_threads(1, run), three = backend.with_threads(3, run);
    EXPECT_EQ(relative_error(one.outputs[0], three.outputs[0]), 0);
  }
}

TEST(Bias, RefusesWhatDoesNotFit) {
  expect_shape_error(
      [](Graph& g) {
        bias(g.input("x", {3, 4, 4}), g.parameter(Parameter(Tensor({4}))));
      },
      {"bias:", "x=f32[N,3,4,4]", "b=f32[4]", "b = [x.C]"});
  expect_shape_error([](Graph& g) { bias(g.input("x", {3}), g.input("b", {3})); }, {"bias:", "b=f32[N,3]"});
  expect_shape_error([](Graph& g) { bias_grad(g.input("dy", {})); }, {"bias_grad:", "dy=f32[N]"});
}

}  // namespace
}  // namespace sluice::test
