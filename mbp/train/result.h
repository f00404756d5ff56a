#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

namespace sluice {

/// What the numbers of a Result are of: all samples under the same parameters, or training, whose parameters change
/// from step to step.
enum class ResultOf : std::uint8_t { evaluation, step, epoch };

/// Named numbers of a step, an epoch or an evaluation. Of several steps, each number is what an evaluation of their
/// samples gives: sums over samples are added up, and loss and metrics computed from the totals (see
/// mbp/run/epoch_average.h for what is averaged by samples instead, as a loss of a batch_gather is). NaN where no step
/// was taken, and the loss where there is none.
struct Result {
  double loss = 0;
  std::map<std::string, double> metrics = {};  ///< batch-scope outputs, by name
  std::int64_t epoch = 0;                      ///< −1: of no training (Predictor)
  std::int64_t step = 0;                       ///< updates so far
  std::int64_t samples = 0;
  std::int64_t skipped = 0;  ///< logical batches that were left out (OnNonFinite::skip); in no other number here
  double seconds = 0;
  double waited_s = 0;   ///< of these seconds, how many a step waited for its samples (training only)
  bool stopped = false;  ///< by stop(), before it was complete
  ResultOf of = ResultOf::evaluation;

  double images_per_second() const { return seconds > 0 ? static_cast<double>(samples) / seconds : 0; }
};
/// One line: "epoch 3, average of training: loss 0.41, accuracy 0.86, 9100 samples/s", "step 17: loss …", "loss …".
std::ostream& operator<<(std::ostream& out, const Result& result);

/// Where a run is; given to the progress callback after every micro-batch.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t step = 0, steps = 0;             ///< of the epoch
  std::int64_t replay = 0, replays = 0;         ///< of the step
  std::int64_t samples = 0, total_samples = 0;  ///< of the epoch
  double loss = 0;                              ///< of the last finished step; NaN before the first
  double seconds = 0;                           ///< since the epoch began
};

}  // namespace sluice
