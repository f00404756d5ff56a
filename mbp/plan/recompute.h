#pragma once

#include <cstddef>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

/// Decides keep | recompute for every value of a part: a sequence (with repetitions; see core/rearrange.h) of the least
/// predicted time found in which at most `arena_bytes` are alive at a time; empty: none was found. `only_cheap`: only
/// steps that are cheap run again. Deterministic.
std::vector<int> sequence_that_fits(const PartModel& model, std::size_t arena_bytes, bool only_cheap);

/// The sequence with the lowest peak found.
std::vector<int> smallest_sequence(const PartModel& model, bool only_cheap);

}  // namespace sluice
