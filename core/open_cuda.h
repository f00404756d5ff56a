#pragma once

#include <memory>
#include <string>

#include <sluice/core/device.h>

namespace sluice {

/// Opens the CUDA module beside this library (which itself links nothing of CUDA, so that it runs where that is absent)
/// and in it CUDA device `index`. Finds out cheaply where there is no driver. Throws DeviceError saying why it cannot.
std::unique_ptr<Backend> open_cuda(int index);

/// The GPU that a JSON file describes (gpus/README.md), whether it is here or not: kernels can be lowered for it, and
/// memory planned; what needs the device itself throws DeviceError. Throws DeviceError naming file, property, value and
/// what would be right.
std::unique_ptr<Backend> open_planned_cuda(const std::string& properties_file);

/// Makes that GPU Device::cuda(), for the life of the process. Throws UsageError when Device::cuda() is open already.
void plan_for_gpu(const std::string& properties_file);

}  // namespace sluice
