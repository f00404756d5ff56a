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

/// Options of evaluate(): the device, and the values that a Trainer would set.
struct EvaluateOptions {
  Device device = Device::cpu();
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  /// Scalars that the graph reads, by name, without "n".
  std::map<std::string, double> scalars = {};
  /// Limit for the workspaces of kernels that trade memory for speed.
  std::size_t workspace_cap_bytes = 0;
};

/// Computes `vars` for the given inputs: [n, ...], the same n for all. It computes the whole batch at once and stores
/// every value in memory of its own, without a plan. For inspecting models and for tests. Returns sample values as
/// [n, ...] and batch values as they are, in row-major order, with floats as the device stores them (f64 on the
/// reference device). Throws UsageError for a missing or misshapen input, and for a parameter without a value (of a
/// model that is not initialised).
std::vector<Tensor> evaluate(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                             const EvaluateOptions& options = {});
Tensor evaluate(Var var, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options = {});

}  // namespace sluice
