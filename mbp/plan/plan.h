#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sluice/core/ledger.h>

namespace sluice {

/// A micro-batch that was considered for being the fastest.
struct SizeCandidate {
  std::int64_t micro_batch = 0;
  double predicted_step_s = 0;
  std::optional<double> replay_ms = {};  ///< measured
  bool chosen = false;

  /// Samples a second in replays; 0 where they were not measured.
  double samples_per_s() const { return replay_ms ? 1e3 * static_cast<double>(micro_batch) / *replay_ms : 0; }
};

/// What a run will do and take, known before anything is allocated. A pure function of graph, options and device.
struct Plan {
  std::string device;            ///< Backend::description()
  std::int64_t samples = 0;      ///< of an epoch
  std::int64_t batch = 0;        ///< logical batch asked for; without a step, samples that sets are expected to have
  bool forward_only = false;     ///< no step is planned: evaluation and prediction alone
  std::int64_t micro_batch = 0;  ///< the largest number of samples in one replay
  std::int64_t asked_micro_batch = 0;  ///< as the caller gave it; 0: it was left to the planner
  std::int64_t replays = 0;            ///< per step
  std::int64_t steps_per_epoch = 0;
  std::int64_t tail = 0;            ///< samples of the epoch's last, partial logical batch; 0: none
  std::int64_t dropped = 0;         ///< samples of the data set that an epoch leaves out (TrainerOptions::drop_last)
  int stages = 1;                   ///< of a training step; without one, of an evaluation
  bool recomputes = false;          ///< expensive values that a later stage needs are computed again, not kept
  bool split_dependent = false;     ///< the step's result depends on the micro-batch (local BatchNorm)
  std::vector<std::int64_t> sizes;  ///< every micro-batch size that has a program
  std::size_t budget_bytes = 0;     ///< 0: none

  std::size_t persistent_bytes = 0;  ///< parameters, gradients, optimizer state, buffers, batch values
  std::size_t derived_bytes = 0;
  std::size_t staging_bytes = 0;
  std::size_t arena_bytes = 0;
  std::size_t arena_lower_bound_bytes = 0;
  std::size_t workspace_bytes = 0;      ///< the largest of any kernel
  std::size_t workspace_cap_bytes = 0;  ///< what kernels that trade memory for speed were allowed
  int recomputed = 0;                   ///< kernels of a replay that compute again what was let go
  double predicted_step_s = 0;          ///< by the cost model: for comparing plans with one another
  double predicted_again_s = 0;         ///< of that, for computing again
  Ledger ledger;                        ///< planned bytes; activations and workspaces at the moment of the arena's peak
  std::string precision;                ///< of contractions: "fp32", "tf32", "strict"
  /// Convolutions of a training replay by the class of their algorithm: "Winograd", "direct", "cuDNN" (which chooses).
  std::map<std::string, int> convolutions;
  std::string tuning;                     ///< where measured algorithms come from; empty: the cost model chose
  std::vector<SizeCandidate> candidates;  ///< for the fastest micro-batch, where that was asked for; largest first
  bool fastest_by_times = false;          ///< all of them were measured, and their times decided
  std::string hash;

  /// Why micro_batch is not the one asked for: the logical batch has fewer samples, or replays of a step differ by one
  /// sample at most. Empty where it is.
  std::string balancing() const;
  std::size_t planned_peak_bytes() const { return persistent_bytes + derived_bytes + staging_bytes + arena_bytes; }
  std::size_t region_bytes(Region region) const;
  /// Where the region begins in the slab.
  std::size_t region_offset(Region region) const;
};

/// A table for people.
std::ostream& operator<<(std::ostream& out, const Plan& plan);

}  // namespace sluice
