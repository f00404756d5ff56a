#include "support/check_op.h"

#include <algorithm>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/run_kernel.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

/// The case as a graph: its inputs, the outputs, Σ r·y and the gradients by the differentiable inputs.
class Traced {
 public:
  /// With `twice`, a second set of sample inputs goes through the same parameters, and both add to the loss.
  explicit Traced(const OpCase& test, bool twice = false) : test_(test) {
    for (std::size_t i = 0; i < test.inputs.size(); ++i) parameters_.push_back(make_parameter(i));
    add_pass("");
    if (twice) add_pass("second ");
    for (std::size_t i = 0; i < test.inputs.size(); ++i)
      if (test.inputs[i].differentiable && is_floating(test.inputs[i].dtype)) checked.push_back(i);
    if (!loss || checked.empty()) return;
    std::vector<Var> wrt;
    for (const std::size_t i : checked) wrt.push_back(inputs[i]);
    gradients = differentiate(loss, wrt);
  }

  std::vector<Tensor> evaluate(std::span<const Var> vars, Device device) const {
    require_kernels(vars, device);
    return sluice::evaluate(vars, tensors, {.device = device, .seed = test_.seed, .step = 1});
  }

  /// Value of the loss on the reference device after `delta` was added to element `e` of input `i`.
  double perturbed_loss(std::size_t i, std::size_t e, double delta) {
    Tensor& value =
        test_.inputs[i].scope == Scope::batch ? parameters_[i].data()->value : tensors.at(test_.inputs[i].name);
    const Tensor before = value;
    value = value.to(DType::f64);
    value.values<double>()[e] += delta;
    const double result = evaluate(std::span(&loss, 1), Device::reference())[0].values<double>()[0];
    value = before;
    return result;
  }

  Graph graph;
  std::vector<Var> inputs, outputs;
  Var loss;
  std::vector<std::size_t> checked;  ///< differentiable inputs
  std::vector<Var> gradients;        ///< by those
  std::map<std::string, Tensor> tensors;

 private:
  Tensor make_value(std::size_t i, std::uint64_t salt) const {
    const OpInput& input = test_.inputs[i];
    if (input.value) return *input.value;
    const Shape shape = input.scope == Scope::sample ? input.shape.with_leading(test_.samples) : input.shape;
    return random_tensor(shape, input.dtype, input.low, input.high, test_.seed * 1000 + salt * 100 + i);
  }

  Parameter make_parameter(std::size_t i) const {
    return test_.inputs[i].scope == Scope::batch ? Parameter(make_value(i, 0), test_.inputs[i].name) : Parameter();
  }

  void add_pass(const std::string& prefix) {
    std::vector<Var> vars;
    for (std::size_t i = 0; i < test_.inputs.size(); ++i) {
      const OpInput& input = test_.inputs[i];
      if (input.scope == Scope::batch) {
        vars.push_back(graph.parameter(parameters_[i]));
        continue;
      }
      vars.push_back(graph.input(prefix + input.name, input.shape, input.dtype));
      tensors[prefix + input.name] = make_value(i, prefix.size());
    }
    if (tensors.empty()) tensors["unused"] = Tensor({test_.samples});
    const std::vector<Var> made = test_.build(vars);
    for (std::size_t o = 0; o < made.size(); ++o) add_to_loss(made[o], prefix + "r" + std::to_string(o));
    if (inputs.empty()) inputs = vars;
    outputs.insert(outputs.end(), made.begin(), made.end());
  }

  void add_to_loss(Var y, const std::string& name) {
    if (!is_floating(y.dtype())) return;
    const Shape shape = y.is_sample() ? y.shape().with_leading(test_.samples) : y.shape();
    const Tensor r = random_tensor(shape, DType::f32, -1, 1, std::hash<std::string>()(name) + test_.seed);
    Var term;
    if (y.is_sample()) {
      tensors[name] = r;
      term = batch_sum(sum_per_sample(mul(y, graph.input(name, y.shape()))));
    } else {
      weights_.emplace_back(r, name);
      term = sum_per_sample(mul(y, graph.parameter(weights_.back())));
    }
    loss = loss ? add(loss, term) : term;
  }

  const OpCase& test_;
  std::vector<Parameter> parameters_, weights_;
};

void compare_devices(const OpCase& test, Device device) {
  const Traced traced(test);
  const auto compare = [&](const std::vector<Var>& vars, const auto& name) {
    if (vars.empty()) return;
    const std::vector<Tensor> expected = traced.evaluate(vars, Device::reference());
    const std::vector<Tensor> got = traced.evaluate(vars, device);
    for (std::size_t i = 0; i < vars.size(); ++i) {
      const bool exact = !is_floating(vars[i].dtype());
      EXPECT_LE(relative_error(got[i], expected[i]), exact ? 0 : test.tolerance)
          << name(i) << " on " << device.str() << " differs from the reference device";
    }
  };
  compare(traced.outputs, [](std::size_t i) { return "output " + std::to_string(i); });
  compare(traced.gradients, [&](std::size_t i) { return "gradient by " + test.inputs[traced.checked[i]].name; });
}

void check_differences(const OpCase& test) {
  Traced traced(test);
  if (traced.gradients.empty()) return;
  const std::vector<Tensor> gradients = traced.evaluate(traced.gradients, Device::reference());
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const std::vector<double> all = doubles(gradients[k]);
    std::mt19937_64 engine(test.seed + k);
    std::vector<double> analytic, numeric;
    for (int d = 0; d < test.differences; ++d) {
      const bool every = all.size() <= static_cast<std::size_t>(test.differences);
      if (every && static_cast<std::size_t>(d) == all.size()) break;
      const std::size_t e = every ? static_cast<std::size_t>(d) : engine() % all.size();
      const double up = traced.perturbed_loss(traced.checked[k], e, test.step);
      const double down = traced.perturbed_loss(traced.checked[k], e, -test.step);
      analytic.push_back(all[e]);
      numeric.push_back((up - down) / (2 * test.step));
    }
    const Shape shape{static_cast<std::int64_t>(analytic.size())};
    EXPECT_LE(relative_error(Tensor::of<double>(shape, analytic), Tensor::of<double>(shape, numeric)),
              test.difference_tolerance)
        << "gradient by " << test.inputs[traced.checked[k]].name << " differs from central differences; got "
        << testing::PrintToString(analytic) << ", expected " << testing::PrintToString(numeric);
  }
}

/// Runs the kernel of every accumulating node on an output that is not empty: it must add to it.
void check_accumulates(const OpCase& test, Device device) {
  Traced traced(test);
  for (NodeId id = 0; id < traced.graph.nodes(); ++id) {
    if (!traced.graph.accumulates(id) || traced.graph.node(id).op->type() == "batch_gather") continue;
    const Node& node = traced.graph.node(id);
    std::vector<Var> vars;
    for (const ValueId input : node.inputs) vars.push_back(traced.graph.var(input));
    const std::vector<Tensor> values = traced.evaluate(vars, device);
    KernelCase kernel{.op = node.op, .inputs = {}, .device = device, .context = {.seed = test.seed, .step = 1}};
    for (std::size_t i = 0; i < vars.size(); ++i)
      kernel.inputs.push_back({values[i], vars[i].scope(), {}, vars[i].spec()});
    const KernelResult once = run_kernel(kernel);
    for (const Tensor& output : once.outputs)
      kernel.initial.push_back(random_tensor(output.shape(), output.dtype(), -1, 1, test.seed + 77));
    const KernelResult onto = run_kernel(kernel);
    for (std::size_t o = 0; o < once.outputs.size(); ++o) {
      Tensor sum = once.outputs[o].to(DType::f64);
      const std::vector<double> before = doubles(kernel.initial[o]);
      for (std::size_t i = 0; i < before.size(); ++i) sum.values<double>()[i] += before[i];
      EXPECT_LE(relative_error(onto.outputs[o], sum), test.tolerance)
          << node.op->type() << " does not add to its output";
    }
  }
}

void check_used_twice(const OpCase& test, Device device) {
  Traced both(test, true);
  if (both.gradients.empty()) return;
  const std::vector<Tensor> expected = both.evaluate(both.gradients, Device::reference());
  const std::vector<Tensor> got = both.evaluate(both.gradients, device);
  for (std::size_t k = 0; k < got.size(); ++k)
    EXPECT_LE(relative_error(got[k], expected[k]), test.tolerance)
        << "gradient by " << test.inputs[both.checked[k]].name << ", used twice, differs from the reference device";
  // On the reference device the sum itself is checked by differences: the perturbed input serves both passes.
  for (std::size_t k = 0; k < got.size(); ++k) {
    const std::size_t input = both.checked[k];
    if (test.inputs[input].scope != Scope::batch) continue;
    const double up = both.perturbed_loss(input, 0, test.step), down = both.perturbed_loss(input, 0, -test.step);
    const double gradient = doubles(expected[k])[0];
    EXPECT_NEAR(gradient, (up - down) / (2 * test.step), 1e-6 * std::max(1.0, std::abs(gradient)))
        << "gradient by " << test.inputs[input].name << ", used twice";
  }
}

}  // namespace

void check_op(const OpCase& test, Device device) {
  register_reference_device();
  const testing::ScopedTrace trace(__FILE__, __LINE__, "case " + test.name);
  compare_devices(test, device);
  check_differences(test);
  check_used_twice(test, device);
  check_accumulates(test, device);
}

void expect_shape_error(const std::function<void(Graph&)>& build, std::initializer_list<std::string> parts) {
  Graph graph;
  std::string text;
  try {
    build(graph);
  } catch (const ShapeError& error) {
    text = error.what();
  } catch (const UsageError& error) {
    text = error.what();
  }
  EXPECT_FALSE(text.empty()) << "no error was thrown";
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "the error does not say '" << part << "': " << text;
}

}  // namespace sluice::test
