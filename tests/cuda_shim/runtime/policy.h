#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace cuda_shim {

/// In which order things run that CUDA runs in any: blocks of a grid, and threads of a block between two barriers.
enum class Order { forward, backward, shuffled };
/// When a stream's work runs: at once; only when somebody waits for it, and no more than that; or at random, in any
/// interleaving that the events allow.
enum class Laziness { eager, lazy, shuffled };

struct Policy {
  Order order = Order::forward;
  Laziness streams = Laziness::lazy;
  std::uint64_t seed = 1;
  bool captures = true;  ///< false: what a stream captures cannot be captured, whatever it is
};

/// From SLUICE_SHIM_ORDER (forward, backward, shuffled or shuffled:SEED), SLUICE_SHIM_STREAMS (eager, lazy, shuffled or
/// shuffled:SEED) and SLUICE_SHIM_CAPTURES (yes, no). Ends the program when they say something else.
Policy policy_of_environment();

/// What runs from now on.
void set_policy(const Policy& policy);
const Policy& policy();

/// 0, 1, ..., count - 1 in the policy's order; every call shuffles anew.
void arrange(std::vector<int>& numbers, int count);
/// The policy's source of chance.
std::mt19937_64& chance();

}  // namespace cuda_shim
