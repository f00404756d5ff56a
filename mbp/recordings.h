#pragma once

#include <map>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/mbp/run_plan.h>

namespace sluice {

/// Runs parts. On a device that can record kernels a part is run as it is the first time (what libraries load and set
/// up then cannot be recorded), recorded the second time, and from then on run by one call. A replayed part ends by
/// moving the run's counters on to the next micro-batch.
class Recordings {
 public:
  /// `on` false: nothing is recorded.
  Recordings(Backend& backend, bool on) : backend_(backend), on_(on && backend.records()) {}

  void run(const PackedPart& part, const RunContext& context);
  /// How many parts are run by one call so far.
  std::size_t size() const { return recorded_; }

 private:
  struct Entry {
    bool ran = false;
    std::unique_ptr<Recording> recording;
  };

  Backend& backend_;
  bool on_;
  std::size_t recorded_ = 0;
  std::map<const PackedPart*, Entry> parts_;
};

/// Behind a replay: the counters stand at the next micro-batch. Nothing for parts that are run once.
void count_replay(Backend& backend, const PackedPart& part, const RunContext& context);

}  // namespace sluice
