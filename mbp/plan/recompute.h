#pragma once

#include <cstddef>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

/// Decides for every value of a part whether it is kept or recomputed. Returns the fastest sequence found,
/// by predicted time, in which at most `arena_bytes` are alive at one time; empty if none was found. A
/// sequence may repeat steps (core/rearrange.h). `only_cheap`: only cheap steps may repeat. Deterministic.
std::vector<int> sequence_that_fits(const PartModel& model, std::size_t arena_bytes, bool only_cheap);

/// Returns the sequence with the lowest peak found. `only_cheap`: only cheap steps may repeat. Deterministic.
std::vector<int> smallest_sequence(const PartModel& model, bool only_cheap);

}  // namespace sluice
