#pragma once

#include <cstdint>

namespace sluice {

/// Which values the planner may recompute for late uses, so that their memory is free in between.
enum class Recompute : std::uint8_t {
  none,       ///< none
  cheap,      ///< values of cheap ops (Op::cheap: one pass over memory): the smallest arena that this gives
  automatic,  ///< any values, if the budget requires it: the fastest schedule that fits
};

/// The passes by which the planner saves memory. Each can be switched off, to measure what it saves.
struct PlannerPasses {
  bool in_place = true;   ///< write a result over an input that has no later reader
  bool order = true;      ///< reorder kernels to lower the peak of live bytes
  bool recompute = true;  ///< recompute as Recompute says; off: Recompute::none
  bool search = true;     ///< search for packings where the quick orders miss the lower bound
};

}  // namespace sluice
