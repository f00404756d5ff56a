#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/parameter.h>
#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/sgd/sgd.h>

#include "support/check_op.h"
#include "support/device_under_test.h"
#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

const std::vector<Shape> shapes{{7}, {3, 5, 2, 2}, {1}, {300, 101}};

/// Runs an update op for several steps, with new random gradients each, and compares all it writes with `expected`,
/// which gets (values of one element: p, g, state...; step) and updates them in double.
template <class Expected>
void check_steps(const OpPtr& op, std::size_t groups, const std::vector<std::vector<double>>& scalars, Device device,
                 const Expected& expected) {
  const std::size_t m = shapes.size();
  std::vector<KernelInput> inputs;
  inputs.reserve(groups * m);
  for (std::size_t i = 0; i < groups * m; ++i) {
    const Shape& shape = shapes[i % m];
    inputs.push_back({i / m < 2 ? random_tensor(shape, DType::f32, -1, 1, i) : Tensor(shape), Scope::batch});
  }
  std::vector<std::vector<double>> truth;
  truth.reserve(inputs.size());
  for (const KernelInput& input : inputs) truth.push_back(doubles(input.value));
  for (std::size_t step = 0; step < scalars.size(); ++step) {
    for (std::size_t k = 0; k < m; ++k) {
      inputs[m + k].value = random_tensor(shapes[k], DType::f32, -1, 1, 100 * step + k);
      truth[m + k] = doubles(inputs[m + k].value);
    }
    std::vector<KernelInput> all = inputs;
    for (const double scalar : scalars[step]) all.push_back({Tensor::of<double>({}, {scalar}), Scope::batch});
    const KernelResult got = run_kernel({.op = op, .inputs = all, .device = device});
    for (std::size_t i = 0; i < groups * m; ++i) inputs[i].value = got.inputs[i];
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t e = 0; e < truth[k].size(); ++e) {
        double v[4] = {};
        for (std::size_t group = 0; group < groups; ++group) v[group] = truth[group * m + k][e];
        const double gradient = v[1];
        expected(v, static_cast<int>(step));
        v[1] = gradient;  // gradients stay as they are
        for (std::size_t group = 0; group < groups; ++group) truth[group * m + k][e] = v[group];
      }
    }
  }
  for (std::size_t i = 0; i < groups * m; ++i)
    EXPECT_LE(relative_error(inputs[i].value, Tensor::of<double>(shapes[i % m], truth[i])),
              device == Device::reference() ? 1e-12 : 2e-6)
        << "value " << i / m << " of parameter " << i % m << " on " << device.str();
}

class OptimizerKernel : public testing::TestWithParam<Device> {};

TEST_P(OptimizerKernel, Sgd) {
  for (const SgdUpdateOptions& o :
       {SgdUpdateOptions{}, SgdUpdateOptions{.weight_decay = 0.01}, SgdUpdateOptions{.momentum = 0.9},
        SgdUpdateOptions{.momentum = 0.9, .weight_decay = 0.01, .nesterov = true}}) {
    const double lr[] = {0.1, 0.05, 0.2, 0.1};
    const std::size_t groups = o.momentum != 0 ? 3 : 2;
    check_steps(std::make_shared<SgdOp>(o, 4), groups, {{lr[0]}, {lr[1]}, {lr[2]}, {lr[3]}}, GetParam(),
                [&](double* v, int step) {
                  const double g = v[1] + o.weight_decay * v[0], mu = o.momentum;
                  v[2] = mu * v[2] + g;
                  v[0] -= lr[step] * (o.nesterov ? g + mu * v[2] : v[2]);
                });
  }
}

TEST_P(OptimizerKernel, Adam) {
  for (const AdamUpdateOptions& o :
       {AdamUpdateOptions{}, AdamUpdateOptions{.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3},
        AdamUpdateOptions{.weight_decay = 0.1}, AdamUpdateOptions{.weight_decay = 0.1, .decoupled = true}}) {
    const double b1 = o.beta1, b2 = o.beta2, wd = o.weight_decay, lr = 0.01;
    std::vector<std::vector<double>> scalars;
    for (int t = 1; t <= 5; ++t)
      scalars.push_back({lr / (1 - std::pow(b1, t)), std::sqrt(1 - std::pow(b2, t)), 1, o.decoupled ? lr * wd : 0});
    check_steps(std::make_shared<AdamOp>(o, 4), 4, scalars, GetParam(), [&](double* v, int step) {
      const double g = v[1] + (o.decoupled ? 0 : wd * v[0]);
      if (o.decoupled) v[0] -= lr * wd * v[0];
      v[2] = b1 * v[2] + (1 - b1) * g;
      v[3] = b2 * v[3] + (1 - b2) * g * g;
      const double m_hat = v[2] / (1 - std::pow(b1, step + 1)), v_hat = v[3] / (1 - std::pow(b2, step + 1));
      v[0] -= lr * m_hat / (std::sqrt(v_hat) + o.eps);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerKernel, testing::Values(device_under_test(), Device::reference()),
                         [](const auto& info) { return info.param.str(); });

TEST(OptimizerLayouts, PaddingStaysZero) {
  // A blocked parameter pins gradient and velocity; run_kernel fails when padding is not zero afterwards.
  const Layout blocked({0, 1, 2, 3}, {{1, 16}});
  const Shape shape{5, 3, 2, 2};
  const KernelInput p{random_tensor(shape, DType::f32, -1, 1, 1), Scope::batch, blocked};
  const KernelInput g{random_tensor(shape, DType::f32, -1, 1, 2), Scope::batch};
  const KernelInput state{Tensor(shape), Scope::batch}, scalar{Tensor::of<float>({}, {0.5f}), Scope::batch};
  const KernelResult sgd =
      run_kernel({.op = std::make_shared<SgdOp>(SgdUpdateOptions{.momentum = 0.9, .weight_decay = 0.1}, 1),
                  .inputs = {p, g, state, scalar}});
  const KernelResult adam = run_kernel({.op = std::make_shared<AdamOp>(AdamUpdateOptions{.weight_decay = 0.1}, 1),
                                        .inputs = {p, g, state, state, scalar, scalar, scalar, scalar}});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(sgd.input_layouts[i], blocked);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(adam.input_layouts[i], blocked);
}

// One pass over tensors that continue each other, over gaps in all lists and over gaps in one of them.
TEST(OptimizerSegments, TouchTheirTensorsOnly) {
  const SgdOp op({}, 4);
  const std::vector<std::int64_t> counts{10, 20, 9, 10}, p_at{0, 10, 31, 40}, g_at{0, 10, 31, 50};
  std::vector<LoweredValue> inputs(9, {{}, DType::f32, Scope::batch, {}, false});
  for (std::size_t i = 0; i < 8; ++i) inputs[i].dims = {counts[i % 4]};
  Backend& backend = device_under_test().backend();
  require_kernel("sgd", device_under_test());
  LoweringContext context(op, backend, inputs, {}, 0);
  const std::unique_ptr<Kernel> kernel = (*backend.kernel("sgd"))(context);

  std::vector<float> p(100), g(100);
  for (std::size_t i = 0; i < 100; ++i) g[i] = static_cast<float>(i);
  const float lr = 1;
  const Buffer p_memory = backend.allocate(400), g_memory = backend.allocate(400), lr_memory = backend.allocate(4);
  backend.copy_in(p_memory.data(), p.data(), 400);
  backend.copy_in(g_memory.data(), g.data(), 400);
  backend.copy_in(lr_memory.data(), &lr, 4);
  Addresses addresses;
  for (const std::int64_t at : p_at) addresses.inputs.push_back(p_memory.data() + 4 * at);
  for (const std::int64_t at : g_at) addresses.inputs.push_back(g_memory.data() + 4 * at);
  addresses.inputs.push_back(lr_memory.data());
  kernel->bind(addresses);
  kernel->run({});
  backend.copy_out(p.data(), p_memory.data(), 400);
  backend.copy_out(g.data(), g_memory.data(), 400);
  for (std::size_t i = 0; i < 100; ++i) {
    const std::size_t gradient = i == 30 || i >= 50 ? 0 : i < 40 ? i : i + 10;
    EXPECT_EQ(p[i], -static_cast<float>(gradient)) << i;
    EXPECT_EQ(g[i], static_cast<float>(i)) << i;
  }
}

TEST(OptimizerNodes, WriteParametersAndState) {
  Graph graph;
  const Parameter p(Tensor({3})), g(Tensor({3}));
  const std::vector<Var> ps{graph.parameter(p)}, gs{graph.parameter(g)};
  const std::vector<Var> v{graph.state("v", p)}, m{graph.state("m", p)};
  sgd_update(ps, gs, v, graph.scalar("lr"), {.momentum = 0.9});
  const Var scalar = graph.scalar("number");
  adam_update(ps, gs, m, v, {scalar, scalar, scalar, scalar});
  EXPECT_EQ(graph.node(0).op->mutates(), (std::vector{0, 2}));
  EXPECT_EQ(graph.node(1).op->mutates(), (std::vector{0, 2, 3}));
  EXPECT_TRUE(graph.node(0).outputs.empty());
  EXPECT_TRUE(graph.is_batch_node(0));
}

TEST(OptimizerNodes, RefuseWhatDoesNotFit) {
  const Parameter p(Tensor({3})), g(Tensor({4}));
  expect_shape_error(
      [&](Graph& graph) {
        sgd_update(std::vector{graph.parameter(p)}, std::vector{graph.parameter(g)}, {}, graph.scalar("lr"));
      },
      {"sgd:", "p=f32[3]", "value=f32[4]"});
  expect_shape_error([&](Graph& graph) { sgd_update(std::vector{graph.parameter(p)}, {}, {}, graph.scalar("lr")); },
                     {"sgd:", "0 gradients"});
  expect_shape_error(
      [&](Graph& graph) {
        sgd_update(std::vector{graph.parameter(p)}, std::vector{graph.parameter(p)}, {}, graph.scalar("lr"),
                   {.nesterov = true});
      },
      {"sgd:", "nesterov"});
  expect_shape_error(
      [&](Graph& graph) {
        sgd_update(std::vector{graph.parameter(p)}, std::vector{graph.parameter(p)}, {}, graph.parameter(p));
      },
      {"sgd:", "scalar=f32[3]"});
  expect_shape_error(
      [&](Graph& graph) {
        const std::vector<Var> ps{graph.parameter(p)};
        const Var scalar = graph.scalar("number");
        adam_update(ps, ps, ps, {}, {scalar, scalar, scalar, scalar});
      },
      {"adam:", "list of 0"});
}

}  // namespace
}  // namespace sluice::test
