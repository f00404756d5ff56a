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

/// TrainerOptions::budget: what is free on a device of its own memory when its libraries are loaded, less a reserve for
/// what they may load later (a 32nd of the device's memory, at least 256 MiB).
inline constexpr std::size_t free_memory = std::numeric_limits<std::size_t>::max();

/// What a Trainer does with a logical batch whose loss or gradients are not finite. Parameters, optimizer state and the
/// number of the step (so the schedule) stay as they are in both cases.
enum class OnNonFinite : std::uint8_t {
  stop,  ///< throws NumericError, which says where the NaN or infinity came from; skip_batch() goes on
  skip,  ///< leaves it out and counts it (Result::skipped)
};

/// What a Trainer is asked for; only `batch` must be given.
struct TrainerOptions {
  std::int64_t batch = 0;        ///< logical batch: samples per update
  std::int64_t micro_batch = 0;  ///< samples per replay; 0: the largest that fits
  bool fastest = false;          ///< with micro_batch 0: the one with the fastest step instead, as far as that is known
  std::size_t budget = 0;        ///< bytes; 0: none; free_memory
  Device device = Device::best();
  /// Of the cpu device, for every run of the plan, whichever thread calls; 0: OpenMP's number (OMP_NUM_THREADS, or all
  /// cores the process may use), or as many of them as OpenMP grants. Trainer::options() says how many they are.
  int threads = 0;
  Precision precision = Precision::automatic;  ///< what contractions multiply in
  std::uint64_t seed = 1;                      ///< of initialisation, shuffling and dropout
  bool shuffle = true;
  bool drop_last = false;  ///< an epoch leaves out its last, partial logical batch
  OnNonFinite on_non_finite = OnNonFinite::stop;
  /// A data set that evaluate() and predict() will see: one of its size is cut evenly, and none takes larger
  /// micro-batches than it does. Others may have any number of samples.
  std::optional<DataSpec> evaluation = {};
  bool verify_memory = false;   ///< check every byte around every kernel; slow
  unsigned char poison = 0xA5;  ///< what the slab holds before anything is written
  /// File of measured algorithm choices to plan by (see mbp/plan/tuning.h); empty: the cost model chooses.
  std::string tuning = {};
  bool tune = false;                           ///< measure first what the tuning file does not know yet, and write it
  bool keep_gradients = false;                 ///< for Trainer::gradient(); else the update clears them in its pass
  bool record = true;                          ///< replay recordings of kernels (CUDA graphs) where the device can
  bool fold = true;                            ///< pull label-dependent scalar factors out of the replay
  Recompute recompute = Recompute::automatic;  ///< which values may be computed again to save memory
  PlannerPasses passes = {};                   ///< what the planner does to save memory
  /// Of what a later stage needs; empty: kept where that fits the budget, else recomputed.
  std::optional<Crossing> crossing = {};
};

/// Throws UsageError, saying what was expected, for options that no data set like `data` can be trained with.
void check_options(const DataSpec& data, const TrainerOptions& options);

}  // namespace sluice
