#include "support/device_under_test.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/kernel.h>
#include <sluice/kernels/reference/reference_backend.h>

namespace sluice::test {
namespace {

Device default_device() {
  try {
    Device::cpu().backend();
    return Device::cpu();
  } catch (const DeviceError&) {
    return Device::cuda();
  }
}

}  // namespace

Device device_under_test() {
  static const Device device = [] {
    const char* const name = std::getenv("SLUICE_TEST_DEVICE");
    return name ? Device::parse(name) : default_device();
  }();
  return device;
}

void require_kernel(std::string_view op_type, Device device) {
  register_reference_device();
  const bool is_only_a_view = !Device::reference().backend().kernel(op_type);  // no device has a kernel for it
  if (is_only_a_view || device.backend().kernel(op_type)) return;
  const std::string why = "no " + device.str() + " kernel for op " + std::string(op_type);
  [&] { GTEST_SKIP() << why; }();
  // GoogleTest takes it for something that is reported already, and ends the test.
  throw testing::AssertionException(
      testing::TestPartResult(testing::TestPartResult::kSkip, __FILE__, __LINE__, why.c_str()));
}

void require_kernels(std::span<const Var> vars, Device device) {
  std::vector<ValueId> values;
  for (const Var var : vars) values.push_back(var.id());
  if (values.empty()) return;
  const Graph& graph = vars[0].graph();
  for (const NodeId id : graph.ancestors(values)) require_kernel(graph.node(id).op->type(), device);
}

std::vector<Tensor> evaluate_under_test(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                                        EvaluateOptions options) {
  options.device = device_under_test();
  require_kernels(vars, options.device);
  return evaluate(vars, inputs, options);
}

Tensor evaluate_under_test(Var var, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options) {
  return evaluate_under_test(std::span(&var, 1), inputs, options)[0];
}

}  // namespace sluice::test
