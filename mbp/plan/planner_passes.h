#pragma once

#include <cstdint>

namespace sluice {

/// Which values may be computed again where they are needed late, so that their memory is free in between.
enum class Recompute : std::uint8_t {
  none,       ///< none
  cheap,      ///< those that one pass over memory gives (normalising, activations, sums): the smallest arena by that
  automatic,  ///< any, where the budget asks for it: the fastest schedule that fits
};

/// What the planner does to save memory; each can be switched off to see what it is worth.
struct PlannerPasses {
  bool in_place = true;   ///< results written over inputs that die with them
  bool order = true;      ///< kernels reordered so that less is alive at a time
  bool recompute = true;  ///< whatever Recompute asks for; off: none
  bool search = true;     ///< packing searches where the quick orders miss the lower bound
};

}  // namespace sluice
