#pragma once

#include <array>
#include <csignal>

#include <sluice/mbp/train/trainer.h>

namespace sluice::samples {

/// While it lives, the first SIGINT (Ctrl-C), SIGTERM or SIGHUP asks `trainer` to stop, and the next one ends the
/// process. A signal that was ignored when it came to be (nohup; a background job of a shell script) stays ignored.
class StopOnSignal {
 public:
  explicit StopOnSignal(Trainer& trainer);
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  /// Whether there was one.
  bool happened() const;
  /// What a shell reports of a process that the signal ended, 130 for SIGINT; 0 when there was none.
  int exit_code() const;

 private:
  std::array<struct sigaction, 3> before_{};
};

}  // namespace sluice::samples
