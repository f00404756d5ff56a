#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/graph.h>
#include <sluice/core/tensor.h>

namespace sluice {

/// Where evaluate() computes, and what it takes for the values a Trainer would set.
struct EvaluateOptions {
  Device device = Device::cpu();
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  /// Scalars the graph asks for besides "n", by name.
  std::map<std::string, double> scalars = {};
  /// Limit for the workspace of kernels that can trade memory for speed.
  std::size_t workspace_cap_bytes = 0;
};

/// Values of `vars` for the given inputs, each [n, ...] with one n; the whole batch at once, every value in memory of
/// its own. For looking inside a model and for tests; nothing is planned. Sample values come back as [n, ...], batch
/// values as they are, in row-major order, floats as the device stores them (f64 on the reference device). Throws
/// UsageError for a missing or misshapen input, and for a parameter without a value (of a model that is not
/// initialised).
std::vector<Tensor> evaluate(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                             const EvaluateOptions& options = {});
Tensor evaluate(Var var, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options = {});

}  // namespace sluice
