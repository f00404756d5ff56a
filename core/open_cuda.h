#pragma once

#include <memory>
#include <string>

#include <sluice/core/device.h>

namespace sluice {

/// Opens CUDA device `index` in the CUDA module beside this library. The library itself links nothing of CUDA, so it
/// runs without CUDA. Checks for a driver first, which is cheap. Throws DeviceError with the reason if it fails.
std::unique_ptr<Backend> open_cuda(int index);

/// Opens the GPU that a JSON file describes (gpus/README.md), present or not. Kernels can be lowered for it and memory
/// planned; calls that need the device itself throw DeviceError. Throws DeviceError naming file, property, value and
/// the expected values.
std::unique_ptr<Backend> open_planned_cuda(const std::string& properties_file);

/// Makes that GPU Device::cuda(), for the life of the process. Throws UsageError when Device::cuda() is open already.
void plan_for_gpu(const std::string& properties_file);

}  // namespace sluice
