#include "support/machine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <sluice/kernels/linear/linear.h>

#include "support/kernel_run.h"

namespace sluice::bench {
namespace {

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The shortest of a few: a peak is what the machine can do, not what it does while others use it.
double shortest(int times, const auto& work) {
  double seconds = seconds_of(work);
  for (int i = 1; i < times; ++i) seconds = std::min(seconds, seconds_of(work));
  return seconds;
}

}  // namespace

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

double load_average() {
  double load;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

double calibration_ms() {
  const double seconds = seconds_of([] {
    double total = 0;
#pragma omp parallel reduction(+ : total)
    {
      double x = 0;
      for (int i = 0; i < 8'000'000; ++i) x = x * 0.999 + 0.001;  // each waits for the one before
      total += x;
    }
    volatile double keep = total;  // or the compiler leaves the work out
    static_cast<void>(keep);
  });
  return 1e3 * seconds;
}

double peak_flops() {
  constexpr std::int64_t size = 2048;
  Graph graph;
  const Parameter weight{Tensor({size, size})};
  linear(graph.input("x", {size}), graph.parameter(weight));
  KernelRun product(graph, graph.nodes() - 1, size);
  return product.flops() / shortest(10, [&] { product.run(); });
}

double peak_bandwidth() {
  constexpr std::size_t size = 32 << 20;  // 128 MiB an array
  const std::unique_ptr<float[]> a(new float[size]), b(new float[size]), c(new float[size]);
#pragma omp parallel for
  for (std::size_t i = 0; i < size; ++i) {  // in parallel: a page belongs to the core that touches it first
    a[i] = 0;
    b[i] = 1;
    c[i] = 2;
  }
  const double seconds = shortest(10, [&] {
#pragma omp parallel for
    for (std::size_t i = 0; i < size; ++i) a[i] = b[i] + 3 * c[i];
  });
  return 3.0 * sizeof(float) * static_cast<double>(size) / seconds;
}

}  // namespace sluice::bench
