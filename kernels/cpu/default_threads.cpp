#include <sluice/kernels/cpu/default_threads.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <omp.h>
#include <unistd.h>

#include <sluice/core/text.h>

namespace sluice::cpu {
namespace {

const int openmp_at_load = omp_get_max_threads();

bool is_set(const char* variable) {
  const char* const text = std::getenv(variable);
  return text && *text;
}

ThreadSources sources_here() {
  static const bool set_by_variable = is_set("OMP_NUM_THREADS");
  static const std::optional<double> quota = cpu_quota();
  ThreadSources sources{.openmp = omp_get_max_threads(), .allowed = omp_get_num_procs(), .quota = quota};
  sources.set_by_user = set_by_variable || sources.openmp != openmp_at_load;
  sources.cores = static_cast<int>(std::max<long>(sysconf(_SC_NPROCESSORS_ONLN), sources.allowed));
  return sources;
}

}  // namespace

DefaultThreads default_threads(const ThreadSources& sources) {
  if (sources.set_by_user) return {.count = sources.openmp};
  const int allowed = std::min(sources.openmp, sources.allowed);
  const int paid = sources.quota ? std::max(1, static_cast<int>(std::ceil(std::min(*sources.quota, 1e6)))) : allowed;
  const int count = std::max(1, std::min(allowed, paid));
  if (count >= sources.cores) return {.count = count};
  const std::string of = "of " + std::to_string(sources.cores) + " cores: ";
  if (paid < allowed) return {.count = count, .reason = of + "the CPU quota is " + number_text(*sources.quota)};
  return {.count = count, .reason = of + "the affinity mask has " + std::to_string(sources.allowed)};
}

DefaultThreads default_threads() { return default_threads(sources_here()); }

}  // namespace sluice::cpu
