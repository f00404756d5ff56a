#pragma once

#include <span>
#include <string>

#include <sluice/core/device.h>

namespace sluice::test {

/// Prints a line for each claim of a check, and remembers whether all hold.
class Findings {
 public:
  void claim(bool holds, const std::string& text);
  /// A figure that claims nothing.
  void note(const std::string& text);
  bool all_hold() const { return all_hold_; }

 private:
  bool all_hold_ = true;
};

/// Makes the devices that checks compare available: the reference device and, in gpu_check_shim, a CUDA device of host
/// code.
void prepare_devices();

/// One property of training on a device, looked at with whole nets.
struct Check {
  std::string name;
  std::string about;  ///< one line for people
  void (*run)(Device device, Findings& findings);
};

/// first_checks.cpp.
void check_op_alone(Device device, Findings& findings);
void check_training(Device device, Findings& findings);

/// op, training, replay, memory, planned, gradients, split.
std::span<const Check> checks();

}  // namespace sluice::test
