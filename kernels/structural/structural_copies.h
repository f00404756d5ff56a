#pragma once

#include <sluice/core/kernel.h>

namespace sluice {

/// Kernels of broadcast, batch_gather and slice for devices that work in host memory: plain copies of bytes, the same
/// for every dtype.
void register_structural_copies(KernelTable& table);

}  // namespace sluice
