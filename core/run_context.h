#pragma once

#include <cstdint>

namespace sluice {

/// The position of a run in device memory, for kernels that are recorded once and replayed.
struct RunCounters {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::int64_t replay = 0;
  std::int64_t first_sample = 0;
};

/// The arguments of a kernel that differ between replays. Everything else is fixed at lowering.
struct RunContext {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::int64_t replay = 0;        ///< which micro-batch of the step this is
  std::int64_t first_sample = 0;  ///< position in the logical batch of the micro-batch's first sample
  /// The same in device memory, on devices with Backend::keeps_counters; else null. Kernels of such a device read only
  /// this, because a recording would contain the values that they read on the host.
  RunCounters* counters = nullptr;
};

}  // namespace sluice
