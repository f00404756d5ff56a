#pragma once

#include <functional>

#include <sluice/kernels/cpu/default_threads.h>

namespace sluice::cpu {

/// The most threads that may be asked for: a number beyond it is a mistake.
inline constexpr int most_threads = 1024;

/// The threads of the innermost with_threads() around the caller, and why they are not more; outside of one,
/// default_threads().
DefaultThreads current_threads();

/// Backend::with_threads of the cpu device: sets OpenMP's number of threads for `work`, having seen that as many are
/// granted, and sets it back. 0: current_threads(). oneDNN waits for ever for a thread that it planned with and does
/// not get, so `work` never begins with fewer. Throws DeviceError saying who grants how many.
void with_threads(int threads, const std::function<void()>& work);

}  // namespace sluice::cpu
