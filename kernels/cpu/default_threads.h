#pragma once

#include <optional>
#include <string>

namespace sluice::cpu {

/// CPUs' worth of time that control groups leave to this process, such as 1.5: the least quota of its groups and those
/// around them, of version 2 (cpu.max) and of version 1 (cpu.cfs_quota_us). Nothing where there is no quota, or none
/// that can be read. The files are looked for under `root`: for tests. Source: the Linux kernel's documentation,
/// admin-guide/cgroup-v2.rst, "cpu.max", and scheduler/sched-bwc.rst.
std::optional<double> cpu_quota(const std::string& root = "");

/// What a number of threads is chosen by where nobody asked for one.
struct ThreadSources {
  int openmp = 1;                    ///< OpenMP's number for the calling thread
  bool set_by_user = false;          ///< that number comes from OMP_NUM_THREADS or omp_set_num_threads()
  int allowed = 1;                   ///< cores in the calling thread's affinity mask
  int cores = 1;                     ///< of the machine
  std::optional<double> quota = {};  ///< cpu_quota()
};

/// How many threads a run has where nobody asked for a number, and why.
struct DefaultThreads {
  int count = 1;
  std::string reason = {};  ///< "of 8 cores: the CPU quota is 1.5"; empty where nothing takes cores away
};

/// What the user set, else a thread for each core that may be used: those of the affinity mask, and no more than the
/// quota rounded up, at least 1.
DefaultThreads default_threads(const ThreadSources& sources);

/// The same for the calling thread. Quota and OMP_NUM_THREADS are those that the process had when it loaded Sluice.
DefaultThreads default_threads();

}  // namespace sluice::cpu
