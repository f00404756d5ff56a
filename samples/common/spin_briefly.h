#pragma once

namespace sluice::samples {

/// Makes OpenMP's threads wait like this: they spin for about as long as a wake-up takes (`brief_spins` turns), then
/// sleep. A thread that spins longer keeps a core from the threads it waits for as soon as another program wants one.
///
/// libgomp reads GOMP_SPINCOUNT only when it is loaded, so the process executes its own program once more, with the
/// variable set, before main() does anything else. Process, arguments, environment, open files and ignored signals stay
/// the same, and programs that it starts find the environment of the user. Returns at once
/// - the second time,
/// - where the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY,
/// - where something looks into the process, which would lose sight of it: a debugger, or a library in LD_PRELOAD
///   (valgrind, profilers),
/// - where the system does not let the process execute its program.
///
/// Call it first in main(). Source: the GCC manual of libgomp, "GOMP_SPINCOUNT".
void spin_briefly(char** argv);

/// About 20 to 90 microseconds, by the processor's pause instruction.
inline constexpr const char* brief_spins = "2000";

}  // namespace sluice::samples
