#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

/// An order of all the model's steps in which less memory is alive at a time than in the order they are in, where one
/// is found: sums over samples run as soon as they can, and around the moment of the highest use steps that free
/// memory are drawn before it and steps that take memory are put off behind it, with whatever has to move with them,
/// as long as that lowers the peak. Deterministic; at most `effort` orders are compared.
std::vector<int> improved_order(const PartModel& model, int effort = 1000);

/// The order they are in, except that sums over samples run as soon as they can: they only free memory.
std::vector<int> early_sums(const PartModel& model);

/// Another order than the one they are in: steps moved at random, as long as no more than `most_bytes` are alive at a
/// time. Equal for equal seeds.
std::vector<int> varied_order(const PartModel& model, std::size_t most_bytes, std::uint32_t seed);

}  // namespace sluice
