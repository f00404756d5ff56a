#include "support/attacked.h"

#include <cmath>
#include <set>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>

#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr const char* upstream = "r";

}  // namespace

Attacked::Attacked(const NonFiniteCase& test, std::int64_t channels) {
  std::vector<Var> vars;
  const std::vector<AttackedInput> inputs = test.inputs(channels);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const AttackedInput& input = inputs[k];
    const Tensor value = attacked_value(input, k, test.samples);
    if (input.scope == Scope::batch) {
      parameters_.emplace(input.name, Parameter(value, input.name));
      vars.push_back(graph.parameter(parameters_.at(input.name)));
    } else {
      tensors_.emplace(input.name, value);
      vars.push_back(graph.input(input.name, input.shape, value.dtype()));
    }
    if (!is_floating(value.dtype())) continue;
    targets_.push_back(input.name);
    if (input.differentiable) differentiable_.push_back(vars.back());
  }
  if (tensors_.empty()) tensors_.emplace("unused", Tensor({test.samples}));
  y_ = test.build(vars);
  if (is_floating(y_.dtype())) add_gradients(y_, test.samples);
}

void Attacked::add_gradients(Var y, std::int64_t samples) {
  const AttackedInput r{.name = upstream, .shape = y.shape(), .scope = y.scope()};
  const Tensor value = attacked_value(r, 10, samples);
  Var term;
  if (y.is_sample()) {
    tensors_.emplace(upstream, value);
    term = batch_sum(sum_per_sample(mul(y, graph.input(upstream, y.shape()))));
  } else {
    parameters_.emplace(upstream, Parameter(value, upstream));
    term = sum_per_sample(mul(y, graph.parameter(parameters_.at(upstream))));
  }
  gradients_ = differentiate(term, differentiable_);
  targets_.emplace_back(upstream);
}

Tensor& Attacked::value(const std::string& target) {
  const auto parameter = parameters_.find(target);
  return parameter == parameters_.end() ? tensors_.at(target) : parameter->second.data()->value;
}

std::vector<Var> Attacked::results() const {
  std::vector<Var> results{y_};
  results.insert(results.end(), gradients_.begin(), gradients_.end());
  return results;
}

std::vector<Tensor> Attacked::evaluate(std::span<const Var> vars, Device device) const {
  require_kernels(vars, device);
  return sluice::evaluate(vars, tensors_, {.device = device, .seed = 1, .step = 1});
}

std::vector<std::size_t> attacked_places(const Shape& shape) {
  const auto count = static_cast<std::size_t>(shape.elements());
  std::set<std::size_t> places{0, count / 2, count - 1};
  if (shape.rank() > 1 && shape[1] > 16) {  // of the first sample, away from the edges of a map
    const auto spatial = static_cast<std::size_t>(shape.elements() / (shape[0] * shape[1]));
    for (const std::size_t channel : {std::size_t{15}, std::size_t{16}}) places.insert(channel * spatial + spatial / 2);
  }
  return {places.begin(), places.end()};
}

char class_of(double value) {
  if (std::isnan(value)) return 'n';
  if (std::isinf(value)) return value > 0 ? '+' : '-';
  return '.';
}

std::string classes_of(const Tensor& tensor) {
  std::string text;
  const std::vector<double> values = doubles(tensor);
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i;
    while (end < values.size() && class_of(values[end]) == class_of(values[i])) ++end;
    text += std::to_string(end - i) + class_of(values[i]);
    i = end;
  }
  return text;
}

}  // namespace sluice::test
