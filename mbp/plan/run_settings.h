#pragma once

#include <type_traits>

#include <sluice/core/device_run.h>

namespace sluice {

/// Calls `work()` with the precision and memory count of `run` and with `threads` threads
/// (Backend::with_threads), whatever other runs of the process use. Returns what it returns.
template <class Work>
std::invoke_result_t<Work&> with_run_settings(const DeviceRun& run, int threads, Work&& work) {
  return run.backend().with_threads(threads, [&] {
    const DeviceRun::Scope scope(run);
    return work();
  });
}

}  // namespace sluice
