#pragma once

#include <cstddef>
#include <span>

#include <sluice/core/program.h>
#include <sluice/mbp/pack/packing.h>

namespace sluice {

/// Packs the arena values and workspaces of a part.
Packing pack(std::span<const Lifetime> lifetimes, const PackingLimits& limits = {});

/// Returns the most bytes that are alive at one time.
std::size_t largest_live_sum(std::span<const Lifetime> lifetimes);

}  // namespace sluice
