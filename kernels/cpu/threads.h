#pragma once

#include <functional>

#include <sluice/kernels/cpu/default_threads.h>

namespace sluice::cpu {

/// The largest number of threads that a caller may request; a larger number is a mistake.
inline constexpr int most_threads = 1024;

/// Returns the number of threads of the innermost with_threads(), and why it is not larger; outside of one,
/// default_threads().
DefaultThreads current_threads();

/// Backend::with_threads of the cpu device: checks that OpenMP grants as many threads, sets its number of threads for
/// `work`, and restores it. 0: current_threads(). oneDNN waits for ever for a planned thread that it does not get, so
/// `work` never begins with fewer. Throws DeviceError that says how many threads are granted and why.
void with_threads(int threads, const std::function<void()>& work);

}  // namespace sluice::cpu
