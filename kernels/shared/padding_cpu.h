#pragma once

#include <memory>

#include <sluice/core/kernel.h>

namespace sluice::cpu {

/// The kernel, and behind it zeros in the block padding of its output 0, an f32 value that lies as `output` says. For
/// kernels that multiply zeros of padding: 0 · ∞ there would be NaN in whatever sums over channels next. The kernel
/// itself where there is no padding.
std::unique_ptr<Kernel> clear_padding_behind(std::unique_ptr<Kernel> kernel, const LoweredValue& output);

}  // namespace sluice::cpu
