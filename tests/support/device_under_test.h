#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/graph.h>

namespace sluice::test {

/// The device that tests of kernels, layers and training run on: the CPU, or what SLUICE_TEST_DEVICE names. In a
/// build without the CPU device CUDA takes its place.
Device device_under_test();

/// Ends the running test as skipped where the device has no kernel for the op, or for one that `vars` need.
void require_kernel(std::string_view op_type, Device device);
void require_kernels(std::span<const Var> vars, Device device);

/// evaluate() there, whatever device the options name.
std::vector<Tensor> evaluate_under_test(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                                        EvaluateOptions options = {});
Tensor evaluate_under_test(Var var, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options = {});

}  // namespace sluice::test
