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

/// A micro-batch size that was a candidate for the fastest.
struct SizeCandidate {
  std::int64_t micro_batch = 0;
  double predicted_step_s = 0;
  std::optional<double> replay_ms = {};  ///< measured
  bool chosen = false;

  /// Measured samples per second in replays; 0 if not measured.
  double samples_per_s() const { return replay_ms ? 1e3 * static_cast<double>(micro_batch) / *replay_ms : 0; }
};

/// A summary of what a run will do and how much memory it takes, known before anything is allocated. A pure
/// function of graph, options, device and tuning file.
struct Plan {
  std::string device;            ///< Backend::description()
  std::int64_t samples = 0;      ///< samples of an epoch
  std::int64_t batch = 0;        ///< logical batch asked for; without training, the expected samples of a data set
  bool forward_only = false;     ///< evaluation and prediction only, no training
  std::int64_t micro_batch = 0;  ///< the largest number of samples in one replay
  std::int64_t asked_micro_batch = 0;  ///< the micro-batch that the caller gave; 0: the planner chose it
  std::int64_t replays = 0;            ///< replays per step and stage
  std::int64_t steps_per_epoch = 0;
  std::int64_t tail = 0;            ///< samples of the epoch's last, partial logical batch; 0: none
  std::int64_t dropped = 0;         ///< samples of the data set that an epoch leaves out (TrainerOptions::drop_last)
  int stages = 1;                   ///< stages of a training step; without training, of an evaluation
  bool recomputes = false;          ///< later stages recompute expensive values instead of loading them (Crossing)
  bool split_dependent = false;     ///< the step's result depends on the micro-batch (local BatchNorm)
  std::vector<std::int64_t> sizes;  ///< every micro-batch size that has a program
  std::size_t budget_bytes = 0;     ///< 0: none

  std::size_t persistent_bytes = 0;  ///< parameters, gradients, optimizer state, buffers, batch values
  std::size_t derived_bytes = 0;
  std::size_t staging_bytes = 0;
  std::size_t arena_bytes = 0;
  std::size_t arena_lower_bound_bytes = 0;
  std::size_t workspace_bytes = 0;      ///< the largest workspace of a kernel
  std::size_t workspace_cap_bytes = 0;  ///< limit for workspaces of kernels that trade memory for speed
  int recomputed = 0;                   ///< kernels of a replay that recompute values
  double predicted_step_s = 0;          ///< seconds by the cost model, for comparing plans with one another
  double predicted_recompute_s = 0;     ///< the part of predicted_step_s that is recomputation
  Ledger ledger;                        ///< planned bytes; activations and workspaces as they are at the arena's peak
  std::string precision;                ///< of contractions: "fp32", "tf32", "strict"
  /// Number of convolutions of a training replay by class of algorithm: "Winograd", "direct", "cuDNN" (which chooses).
  std::map<std::string, int> convolutions;
  std::string tuning;                     ///< source of the measured times; empty: the cost model chose
  std::vector<SizeCandidate> candidates;  ///< candidates for the fastest micro-batch, largest first; empty: not asked
  bool fastest_by_times = false;          ///< all candidates were measured, and the times decided
  std::string hash;

  /// Explains why micro_batch differs from the one asked for: the logical batch has fewer samples, or the sizes of a
  /// step's replays differ by one sample at most. Empty if it does not differ.
  std::string balancing() const;
  std::size_t planned_peak_bytes() const { return persistent_bytes + derived_bytes + staging_bytes + arena_bytes; }
  std::size_t region_bytes(Region region) const;
  /// Offset of the region in the slab, bytes.
  std::size_t region_offset(Region region) const;
};

/// Prints a table for people.
std::ostream& operator<<(std::ostream& out, const Plan& plan);

}  // namespace sluice
