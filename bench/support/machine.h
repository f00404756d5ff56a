#pragma once

#include <string>

namespace sluice::bench {

/// "AMD EPYC 9454", as the system tells it.
std::string cpu_model();
/// Running processes, averaged over the last minute; negative when the system does not tell.
double load_average();
/// "2025-01-31T12:00:00Z".
std::string date();

/// Milliseconds of a fixed piece of work on all threads, about 20 when the machine is idle. The ratio of two of them is
/// how much of the machine was somebody else's.
double calibration_ms();

/// The most floating-point operations per second that a large f32 matrix product of the library reaches.
double peak_flops();
/// Bytes per second of a[i] = b[i] + s · c[i] over arrays far larger than the caches, three arrays counted. Source:
/// McCalpin, "Memory Bandwidth and Machine Balance in Current High Performance Computers", 1995 (STREAM, triad).
double peak_bandwidth();

}  // namespace sluice::bench
