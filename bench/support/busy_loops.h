#pragma once

#include <vector>

#include <sys/types.h>

namespace sluice::bench {

/// Processes that do nothing but keep cores busy, as another user's would: in a session of their own, at the normal
/// scheduling policy. They end with this object, and with this process, however it ends.
class BusyLoops {
 public:
  /// `nice`: added to this process's own. Returns when all run. Throws Error when they cannot be started.
  BusyLoops(int count, int nice);
  ~BusyLoops();
  BusyLoops(const BusyLoops&) = delete;
  BusyLoops& operator=(const BusyLoops&) = delete;

  const std::vector<pid_t>& processes() const { return processes_; }

 private:
  std::vector<pid_t> processes_;  // the first leads the session
};

}  // namespace sluice::bench
