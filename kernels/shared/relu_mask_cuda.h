#pragma once

#include <memory>

#include <sluice/core/kernel.h>

namespace sluice::cuda {

/// The mask of a relu (relu_mask) from its result alone, in any layout: for fusions with an op whose kernel has no
/// place for a second output.
std::unique_ptr<Kernel> lower_relu_mask(LoweringContext& context);

}  // namespace sluice::cuda
