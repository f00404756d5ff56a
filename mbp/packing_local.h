#pragma once

#include <sluice/mbp/packing_effort.h>
#include <sluice/mbp/packing_orders.h>

namespace sluice::packer {

/// Local search over the order in which blocks are put down, each at the lowest place: one of those that lie above the
/// lower bound is moved to the front, and the order is kept if that is not worse than some moves before. Improves
/// `best`, which has an order, until it has at most `enough` bytes or `effort` is spent.
void improve_order(const Problem& problem, std::size_t enough, Effort& effort, Ordered& best, std::uint32_t seed);

}  // namespace sluice::packer
