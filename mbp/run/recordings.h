#pragma once

#include <functional>
#include <map>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/run/recorded_parts.h>

namespace sluice {

/// Runs parts. On a device that can record kernels, a part runs kernel by kernel the first time, because libraries then
/// load code that cannot be recorded. It is recorded the second time, and runs by one call from then on. A part that
/// cannot be recorded is reported once on stderr and runs kernel by kernel. At its end a replayed part advances the
/// counters of the run to the next micro-batch.
class Recordings {
 public:
  /// `on` false: nothing is recorded.
  Recordings(Backend& backend, bool on) : backend_(backend), on_(on && backend.records()) {}

  void run(const PackedPart& part, const RunContext& context);
  /// Returns how many parts were recorded so far.
  RecordedParts parts() const { return parts_; }

 private:
  struct Entry {
    bool ran = false;
    bool refused = false;
    std::unique_ptr<Recording> recording;
  };
  void record(const Part& part, Entry& entry, const std::function<void()>& enqueue);

  Backend& backend_;
  bool on_;
  RecordedParts parts_;
  std::map<const PackedPart*, Entry> entries_;
};

/// Advances the counters to the next micro-batch after a replayed part. Does nothing for parts that run once.
void count_replay(Backend& backend, const PackedPart& part, const RunContext& context);

}  // namespace sluice
