#pragma once

#include <optional>
#include <string>

namespace sluice::cpu {

/// Returns the CPU quota of this process by its control groups, in CPUs (1.5, say): the smallest quota of its groups
/// and their parents, of version 2 (cpu.max) and of version 1 (cpu.cfs_quota_us). Empty if there is no quota or none
/// can be read. `root`: where the files are, for tests. Source: the Linux kernel's documentation,
/// admin-guide/cgroup-v2.rst, "cpu.max", and scheduler/sched-bwc.rst.
std::optional<double> cpu_quota(const std::string& root = "");

/// The inputs by which default_threads() chooses a number of threads.
struct ThreadSources {
  int openmp = 1;                    ///< OpenMP's number for the calling thread
  bool set_by_user = false;          ///< that number comes from OMP_NUM_THREADS or omp_set_num_threads()
  int allowed = 1;                   ///< cores in the calling thread's affinity mask
  int cores = 1;                     ///< of the machine
  std::optional<double> quota = {};  ///< cpu_quota()
};

/// The default number of threads of a run, and why it is not larger.
struct DefaultThreads {
  int count = 1;
  std::string reason = {};  ///< "of 8 cores: the CPU quota is 1.5"; empty: all cores
};

/// Returns the number that the user set. Otherwise returns one thread per core in the affinity mask, at most the quota
/// rounded up, at least 1.
DefaultThreads default_threads(const ThreadSources& sources);

/// The same for the calling thread. Quota and OMP_NUM_THREADS are those that the process had when it loaded Sluice.
DefaultThreads default_threads();

}  // namespace sluice::cpu
