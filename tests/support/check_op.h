#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/graph.h>
#include <sluice/core/tensor.h>

#include "support/device_under_test.h"

namespace sluice::test {

/// One input of an op under test: an input of the graph (sample scope) or a parameter (batch scope).
struct OpInput {
  std::string name;
  Shape shape;  ///< per sample, or the whole shape of a batch value
  Scope scope = Scope::sample;
  DType dtype = DType::f32;
  double low = -1, high = 1;         ///< random values between these
  bool differentiable = true;        ///< check the gradient by this input (floats only)
  std::optional<Tensor> value = {};  ///< instead of random values; [n,...] for sample scope
};

/// What check_op checks: an op as a function of its inputs.
struct OpCase {
  std::string name;
  std::vector<OpInput> inputs;
  std::function<std::vector<Var>(std::span<const Var>)> build;
  std::int64_t samples = 3;
  double tolerance = 1e-5;             ///< relative maximum norm, device against reference
  double difference_tolerance = 1e-6;  ///< the same, gradient against central differences (both in double)
  int differences = 16;                ///< elements of each input whose derivative is checked
  double step = 1e-5;                  ///< of central differences
  std::uint64_t seed = 1;
};

/// Checks an op on `device`, inside a running test:
/// - outputs and gradients equal those of the reference device;
/// - on the reference device, the gradient of Σ r·y (random r, all float outputs y) by every differentiable input
/// equals
///   central differences;
/// - a parameter that is used twice gets the sum of both gradients, and every accumulating kernel adds to what it
/// finds.
void check_op(const OpCase& test, Device device = device_under_test());

/// Expects that `build` throws ShapeError (or UsageError, for options) with every one of `parts` in its text.
void expect_shape_error(const std::function<void(Graph&)>& build, std::initializer_list<std::string> parts);

}  // namespace sluice::test
