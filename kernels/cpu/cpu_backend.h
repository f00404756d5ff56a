#pragma once

#include <memory>

#include <sluice/core/device.h>

namespace sluice {

/// The CPU: oneDNN and own kernels on OpenMP threads. Memory comes in whole pages straight from the operating system,
/// zeroed, and goes back there when it is freed.
std::unique_ptr<Backend> make_cpu_backend();

}  // namespace sluice
