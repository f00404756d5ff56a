#pragma once

#include <cstdint>

namespace sluice {

/// Where a run is, as kernels that are recorded once and replayed read it in device memory.
struct RunCounters {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::int64_t replay = 0;
  std::int64_t first_sample = 0;
};

/// What differs from replay to replay; everything else is fixed at lowering.
struct RunContext {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::int64_t replay = 0;        ///< which micro-batch of the step this is
  std::int64_t first_sample = 0;  ///< position in the logical batch of the micro-batch's first sample
  /// The same in device memory, on devices that keep it there (Backend::keeps_counters); else null. Kernels of such a
  /// device read nothing else of the context, because what they read on the host would be recorded with them.
  RunCounters* counters = nullptr;
};

}  // namespace sluice
