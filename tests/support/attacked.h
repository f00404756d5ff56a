#pragma once

#include <map>
#include <string>
#include <vector>

#include <sluice/core/device.h>

#include "support/non_finite_cases.h"

namespace sluice::test {

/// A case as a graph: y, the gradients of Σ r·y by every floating input, and the values of all of them.
class Attacked {
 public:
  Attacked(const NonFiniteCase& test, std::int64_t channels);

  /// Inputs that can be attacked, r (what dy is) the last where y has a gradient.
  const std::vector<std::string>& targets() const { return targets_; }
  /// Elements of a target, and the shape of one.
  Tensor& value(const std::string& target);
  /// y, then the gradients.
  std::vector<Var> results() const;
  std::vector<Tensor> evaluate(std::span<const Var> vars, Device device) const;

  Graph graph;

 private:
  void add_gradients(Var y, std::int64_t samples);

  Var y_;
  std::vector<Var> gradients_;
  std::vector<std::string> targets_;
  std::vector<Var> differentiable_;
  std::map<std::string, Parameter> parameters_;
  std::map<std::string, Tensor> tensors_;
};

/// Where a value is attacked: its ends, its middle, and beside the ends of blocks of channels.
std::vector<std::size_t> attacked_places(const Shape& shape);

/// '.' for a number, 'n', '+', '-' for NaN and the infinities.
char class_of(double value);

/// The classes of all elements, runs with their length in front: "12.n3+".
std::string classes_of(const Tensor& tensor);

}  // namespace sluice::test
