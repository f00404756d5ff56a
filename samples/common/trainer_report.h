#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/mbp/train/trainer.h>

#include "common/trainer_flags.h"

namespace sluice::samples {

struct EpochReport {
  std::int64_t epoch = 0;  ///< from 1
  double train_loss = 0;
  std::optional<double> test_accuracy = {};  ///< empty when interrupted before
  double seconds = 0;                        ///< of training
  double images_per_second = 0;
  double waited_s = 0;       ///< for samples, of `seconds`
  std::int64_t skipped = 0;  ///< logical batches left out, for they were not finite
};

/// What a run did; the numbers of its JSON report.
struct TrainerReport {
  std::string model, dataset, weights_hash;
  int threads = 0;
  std::int64_t steps = 0;
  std::int64_t images = 0;   ///< trained on
  std::int64_t skipped = 0;  ///< logical batches left out
  double seconds = 0;        ///< of training
  std::size_t whole_batch_planned_bytes = 0;
  std::vector<EpochReport> epochs = {};
  std::optional<MemoryReport> memory = {};  ///< empty when nothing ran, or not to its end
  RecordedParts parts = {};
  std::string error = {};  ///< what ended the run before its end; empty: nothing

  double images_per_second() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }
};

/// The report as one JSON object; null where a number does not exist (no budget, nothing measured).
std::string to_json(const TrainerReport& report, const TrainerFlags& flags, const Plan& plan);

}  // namespace sluice::samples
