// Options are doubles: on the reference device, which computes in double, they act as the numbers they are.

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/core/parameter.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/normalize/normalize.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

class DoubleOptions : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }

  static std::vector<double> on_reference(const Var& y, const Tensor& x) {
    return doubles(evaluate(y, {{"x", x}}, {.device = Device::reference()}));
  }
};

TEST_F(DoubleOptions, DropoutScalesByItsRate) {
  for (const double rate : {0.5, 0.1, 0.99, 1e-9}) {
    Graph graph;
    const Tensor x = Tensor::of<double>({1, 64}, std::vector<double>(64, 1));
    for (const double y : on_reference(dropout(graph.input("x", {64}), rate), x)) {
      if (y != 0) {
        EXPECT_NEAR(y * (1 - rate), 1, 1e-12) << rate;
      }
    }
  }
}

TEST_F(DoubleOptions, LeakyReluHasItsSlope) {
  for (const double slope : {0.25, 0.01, 1e-30}) {
    Graph graph;
    const Tensor x = Tensor::of<double>({1, 1}, {-1});
    EXPECT_NEAR(on_reference(leaky_relu(graph.input("x", {1}), slope), x)[0] / -slope, 1, 1e-12);
  }
}

TEST_F(DoubleOptions, NormalizeHasItsMeanAndDeviation) {
  Graph graph;
  const Tensor x = Tensor::of<std::uint8_t>({1, 1}, {51});
  const Var y = normalize(graph.input("x", {1}, DType::u8), {.mean = {0.4914}, .std = {0.247}});
  EXPECT_NEAR(on_reference(y, x)[0], (51 / 255.0 - 0.4914) / 0.247, 1e-12);
}

TEST_F(DoubleOptions, BatchNormHasItsMomentumAndEps) {
  // Moments of two numbers, 0 and 2: mean 1, unbiased variance 2.
  for (const double momentum : {0.1, 0.999999, 1e-9}) {
    const KernelInput running{Tensor::of<double>({1}, {0}), Scope::batch};
    const KernelInput moments{.value = Tensor::of<double>({3, 1}, {2, 2, 4}),
                              .scope = Scope::batch,
                              .spec = ValueSpec{{3, 1}, DType::f64, Scope::batch}};
    const KernelResult got = run_kernel({.op = std::make_shared<BatchNormUpdateOp>(momentum),
                                         .inputs = {running, running, moments},
                                         .device = Device::reference()});
    EXPECT_NEAR(doubles(got.inputs[0])[0] / momentum, 1, 1e-12);
    EXPECT_NEAR(doubles(got.inputs[1])[0] / (2 * momentum), 1, 1e-12);
  }
  Graph graph;
  const Parameter zero(Tensor::of<float>({1}, {0})), one(Tensor::of<float>({1}, {1}));
  const Var x = graph.input("x", {1, 1, 1}), none = graph.parameter(zero), scale = graph.parameter(one);
  const Var y = batch_norm_fixed(x, none, none, scale, none, 1e-5);
  EXPECT_NEAR(on_reference(y, Tensor::of<double>({1, 1, 1, 1}, {1}))[0] * std::sqrt(1e-5), 1, 1e-12);
}

}  // namespace
}  // namespace sluice::test
