#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <sluice/core/device.h>
#include <sluice/core/stages.h>
#include <sluice/data/dataset.h>
#include <sluice/mbp/plan/planner_passes.h>

namespace sluice {

/// A value of TrainerOptions::budget: the memory that is free on a GPU once its libraries are loaded, less
/// a reserve for what they may load later (a 32nd of the device's memory, at least 256 MiB).
inline constexpr std::size_t free_memory = std::numeric_limits<std::size_t>::max();

/// What a Trainer does with a logical batch whose loss or gradients are not finite. Parameters, optimizer state and the
/// number of the step (so the schedule) stay as they are in both cases.
enum class OnNonFinite : std::uint8_t {
  stop,  ///< throws NumericError, which says where the NaN or infinity came from; skip_batch() skips the batch
  skip,  ///< skips the batch and counts it (Result::skipped)
};

/// Options of a Trainer; only `batch` must be given.
struct TrainerOptions {
  std::int64_t batch = 0;        ///< logical batch: samples per update
  std::int64_t micro_batch = 0;  ///< samples per replay; 0: the largest that fits
  bool fastest = false;          ///< with micro_batch 0: the one with the fastest step, measured or predicted
  std::size_t budget = 0;        ///< bytes; 0: none; free_memory
  Device device = Device::best();
  /// Threads of the cpu device, for every run of the plan, whichever thread calls. 0: OpenMP's number
  /// (OMP_NUM_THREADS, or all cores the process may use), or as many of them as OpenMP grants.
  /// Trainer::options() has the resulting number.
  int threads = 0;
  Precision precision = Precision::automatic;  ///< of the multiplications in convolutions and matrix products
  std::uint64_t seed = 1;                      ///< of initialisation, shuffling and dropout
  bool shuffle = true;
  bool drop_last = false;  ///< an epoch leaves out its last, partial logical batch
  OnNonFinite on_non_finite = OnNonFinite::stop;
  /// A data set that evaluate() and predict() will get. Sets of its size are split evenly, and no set is
  /// evaluated in larger micro-batches. Other sets may have any number of samples.
  std::optional<DataSpec> evaluation = {};
  bool verify_memory = false;   ///< check every byte around every kernel; slow
  unsigned char poison = 0xA5;  ///< byte that fills the slab before anything is written
  /// File of measured algorithm choices to plan by (see mbp/plan/tuning.h); empty: the cost model chooses.
  std::string tuning = {};
  bool tune = false;                           ///< first measure what the tuning file lacks, and add it to the file
  bool keep_gradients = false;                 ///< for Trainer::gradient(); else the update clears them in its pass
  bool record = true;                          ///< replay recordings of kernels (CUDA graphs) where the device can
  bool fold = true;                            ///< pull label-dependent scalar factors out of the replay
  Recompute recompute = Recompute::automatic;  ///< which values may be recomputed to save memory
  PlannerPasses passes = {};                   ///< what the planner does to save memory
  /// For values that a later stage needs. Empty: stored if that fits the budget, else recomputed.
  std::optional<Crossing> crossing = {};
};

/// Throws UsageError, with what was expected, for options with which no data set like `data` can be trained.
void check_options(const DataSpec& data, const TrainerOptions& options);

}  // namespace sluice
