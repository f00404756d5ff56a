#pragma once

#include <functional>
#include <map>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/run/recorded_parts.h>

namespace sluice {

/// Runs parts. On a device that can record kernels a part is run as it is the first time (what libraries load and set
/// up then cannot be recorded), recorded the second time, and from then on run by one call. A part that cannot be
/// recorded is named on stderr, once, and goes on kernel by kernel. A replayed part ends by moving the run's counters
/// on to the next micro-batch.
class Recordings {
 public:
  /// `on` false: nothing is recorded.
  Recordings(Backend& backend, bool on) : backend_(backend), on_(on && backend.records()) {}

  void run(const PackedPart& part, const RunContext& context);
  /// So far.
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

/// Behind a replay: the counters stand at the next micro-batch. Nothing for parts that are run once.
void count_replay(Backend& backend, const PackedPart& part, const RunContext& context);

}  // namespace sluice
