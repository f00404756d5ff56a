#pragma once

#include <cstddef>
#include <span>

#include <sluice/core/program.h>
#include <sluice/mbp/pack/packing.h>

namespace sluice {

/// Packs what a part keeps in the arena (pack()).
Packing pack(std::span<const Lifetime> lifetimes, const PackingLimits& limits = {});

/// The largest sum of bytes alive at one time.
std::size_t largest_live_sum(std::span<const Lifetime> lifetimes);

}  // namespace sluice
