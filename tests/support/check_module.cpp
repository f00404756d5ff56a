#include "support/check_module.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr double step = 1e-5;

/// The module as a graph with a random x and the loss Σ r·y.
struct Traced {
  Traced(Module& module, const ModuleCase& test) : seed(test.seed) {
    for (const Parameter& parameter : all_parameters(module))
      if (!parameter.is_buffer()) parameters.push_back(parameter);
    name_modules(module);
    const Var x = graph.input("x", test.input);
    y = module(x);
    tensors["x"] = random_tensor(test.input.with_leading(test.samples), DType::f32, -1, 1, test.seed + 1);
    tensors["r"] = random_tensor(y.shape().with_leading(test.samples), DType::f32, -1, 1, test.seed + 2);
    loss = batch_sum(sum_per_sample(mul(y, graph.input("r", y.shape()))));
    std::vector<Var> wrt{x};
    for (const Parameter& parameter : parameters) wrt.push_back(graph.parameter(parameter));
    gradients = differentiate(loss, wrt);
  }

  std::vector<Tensor> evaluate(std::span<const Var> vars, Device device) const {
    require_kernels(vars, device);
    return sluice::evaluate(vars, tensors, {.device = device, .seed = seed, .step = 1});
  }

  /// What gradient `k` is by.
  std::string name(std::size_t k) const { return k == 0 ? "the input" : parameters[k - 1].name(); }

  /// The loss on the reference device with `delta` added to element `e` of what gradient `k` is by.
  double perturbed_loss(std::size_t k, std::size_t e, double delta) {
    Tensor& value = k == 0 ? tensors.at("x") : parameters[k - 1].data()->value;
    const Tensor before = value;
    value = value.to(DType::f64);
    value.values<double>()[e] += delta;
    const double result = evaluate(std::span(&loss, 1), Device::reference())[0].values<double>()[0];
    value = before;
    return result;
  }

  Graph graph;
  std::vector<Parameter> parameters;
  std::uint64_t seed;
  Var y, loss;
  std::vector<Var> gradients;  ///< by the input, then by each parameter
  std::map<std::string, Tensor> tensors;
};

void compare_devices(Traced& traced, const ModuleCase& test, Device device) {
  std::vector<Var> vars = traced.gradients;
  vars.push_back(traced.y);
  const std::vector<Tensor> expected = traced.evaluate(vars, Device::reference());
  const std::vector<Tensor> got = traced.evaluate(vars, device);
  EXPECT_LE(relative_error(got.back(), expected.back()), test.tolerance) << "the output on " << device.str();
  for (std::size_t k = 0; k < traced.gradients.size(); ++k)
    EXPECT_LE(relative_error(got[k], expected[k]), test.tolerance)
        << "the gradient by " << traced.name(k) << " on " << device.str();
}

void check_differences(Traced& traced, const ModuleCase& test) {
  const std::vector<Tensor> gradients = traced.evaluate(traced.gradients, Device::reference());
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const std::vector<double> all = doubles(gradients[k]);
    std::mt19937_64 engine(test.seed + k);
    std::vector<double> analytic, numeric;
    for (int d = 0; d < test.differences; ++d) {
      const std::size_t e = engine() % all.size();
      analytic.push_back(all[e]);
      numeric.push_back((traced.perturbed_loss(k, e, step) - traced.perturbed_loss(k, e, -step)) / (2 * step));
    }
    const Shape shape{static_cast<std::int64_t>(analytic.size())};
    EXPECT_LE(relative_error(Tensor::of<double>(shape, analytic), Tensor::of<double>(shape, numeric)),
              test.difference_tolerance)
        << "the gradient by " << traced.name(k) << " differs from central differences";
  }
}

}  // namespace

void check_module(Module& module, const ModuleCase& test, Device device) {
  register_reference_device();
  const testing::ScopedTrace trace(__FILE__, __LINE__, "module " + module.str());
  initialize(module, test.seed);
  Traced traced(module, test);
  compare_devices(traced, test, device);
  check_differences(traced, test);

  const std::string before = traced.graph.fingerprint();
  EXPECT_EQ(Traced(module, test).graph.fingerprint(), before) << "tracing twice gives two models";
  module.set_trainable(false);
  for (const Parameter& parameter : traced.parameters) EXPECT_FALSE(parameter.trainable()) << parameter.name();
  if (!traced.parameters.empty()) {
    EXPECT_NE(Traced(module, test).graph.fingerprint(), before) << "freezing does not show";
  }
  module.set_trainable(true);
  EXPECT_EQ(Traced(module, test).graph.fingerprint(), before) << "freeing does not undo freezing";
}

}  // namespace sluice::test
