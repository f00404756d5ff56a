#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/kernel.h>
#include <sluice/core/tensor.h>

#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {

/// One input of a kernel that is run by itself.
struct KernelInput {
  Tensor value;  ///< row-major; [n,...] for a sample value; of bits, u8
  Scope scope = Scope::sample;
  /// Where it already lies; empty: the kernel's choice for batch values, plain for sample values.
  std::optional<Layout> layout = {};
  /// What the graph says of it; empty: what `value` and `scope` tell, f64 standing for f32.
  std::optional<ValueSpec> spec = {};
};

/// A kernel alone, without graph and planner: for layouts, splits and state that a whole graph would not show.
struct KernelCase {
  OpPtr op;
  std::vector<KernelInput> inputs;
  Device device = device_under_test();
  RunContext context = {};
  std::size_t workspace_cap_bytes = std::numeric_limits<std::size_t>::max();
  /// What the outputs hold before the first run, row-major; empty: garbage, or zeros where the node accumulates.
  std::vector<Tensor> initial = {};
  /// The layout output 0 must have, as gradients have their parameter's; empty: the kernel's choice.
  std::optional<Layout> pinned_output = {};
  /// Output 0 takes the memory of one input after the other that Op::in_place_inputs() allows and that has its layout
  /// and bytes. Fails the running test when a result is not the one of a run in memory of its own, bit for bit, or when
  /// there is no such input. The result is that of the last one.
  bool in_place = false;
  int runs = 1;
};

struct KernelResult {
  std::vector<Tensor> outputs;  ///< row-major, floats as the device stores them
  std::vector<Tensor> inputs;   ///< row-major, after the run; changed only where the op mutates or works in place
  std::vector<Layout> input_layouts, output_layouts;
  std::string algorithm;
  std::size_t workspace_bytes = 0;
};

/// Lowers the op, brings the inputs to the layouts the kernel asked for, and runs it, its workspace full of NaN before
/// each run. Fails the running test when the kernel writes outside an output or its workspace, changes an input it does
/// not mutate, or leaves padding other than zero.
KernelResult run_kernel(const KernelCase& kernel);

}  // namespace sluice::test
