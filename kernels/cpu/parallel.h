#pragma once

#include <algorithm>
#include <cstdint>

#include <omp.h>

// Loops marked so are compiled for several instruction sets and chosen when the library is loaded. Put it on plain
// functions over a range, not on templates or lambdas, and call them from inside parallel_for: OpenMP's outlined bodies
// are not cloned. Sanitizers cannot run the resolvers, so they get the baseline.
#if defined(__x86_64__) && !defined(SLUICE_SANITIZED)
#define SLUICE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SLUICE_CLONES
#endif

namespace sluice::cpu {

/// Runs body(begin, end) on disjoint ranges that cover [0, count), one per thread, at least `grain` long. The ranges
/// depend only on count, grain and the number of threads. Allocates nothing.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  const std::int64_t parts =
      std::min<std::int64_t>(omp_get_max_threads(), (count + grain - 1) / std::max<std::int64_t>(grain, 1));
  if (parts <= 1) {
    if (count > 0) body(std::int64_t{0}, count);
    return;
  }
#pragma omp parallel num_threads(static_cast <int>(parts))
  {
    const std::int64_t part = omp_get_thread_num(), granted = omp_get_num_threads();  // may be fewer than asked for
    const std::int64_t begin = count * part / granted, end = count * (part + 1) / granted;
    if (begin < end) body(begin, end);
  }
}

}  // namespace sluice::cpu
