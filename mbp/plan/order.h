#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

/// Returns an order of all steps with the lowest peak found, at most that of the present order. Sums over
/// samples run as early as possible. A local search then works around the step with the most live bytes:
/// it moves steps that free memory before it and steps that take memory behind it, with all steps that
/// depend on the move, as long as the peak falls. Deterministic; compares at most `effort` orders.
std::vector<int> improved_order(const PartModel& model, int effort = 1000);

/// Returns the present order, except that sums over samples run as early as possible: they only free
/// memory.
std::vector<int> early_sums(const PartModel& model);

/// Returns an order made by random moves of steps, in which at most `most_bytes` are alive at one time.
/// Equal seeds give equal orders.
std::vector<int> varied_order(const PartModel& model, std::size_t most_bytes, std::uint32_t seed);

}  // namespace sluice
