#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

namespace sluice {

/// The origin of a Result: an evaluation, in which all samples have the same parameters, or a step or epoch of
/// training, in which parameters change from step to step.
enum class ResultOf : std::uint8_t { evaluation, step, epoch };

/// Loss and metrics of a step, an epoch or an evaluation. For several steps, sums over samples are added up, and loss
/// and metrics are computed from the totals, as in an evaluation. Where that is not possible, for example for a loss of
/// a batch_gather, they are averaged by samples (mbp/run/epoch_average.h). Numbers are NaN if no step was taken, and
/// the loss is NaN if there is none.
struct Result {
  double loss = 0;
  std::map<std::string, double> metrics = {};  ///< batch-scope outputs, by name
  std::int64_t epoch = 0;                      ///< −1: from a Predictor
  std::int64_t step = 0;                       ///< updates so far
  std::int64_t samples = 0;
  std::int64_t skipped = 0;  ///< logical batches that were skipped (OnNonFinite::skip); no other number includes them
  double seconds = 0;
  double waited_s = 0;   ///< the part of `seconds` in which steps waited for samples (training only)
  bool stopped = false;  ///< stop() ended it before it was complete
  ResultOf of = ResultOf::evaluation;

  double images_per_second() const { return seconds > 0 ? static_cast<double>(samples) / seconds : 0; }
};
/// One line: "epoch 3, average of training: loss 0.41, accuracy 0.86, 9100 samples/s", "step 17: loss …", "loss …".
std::ostream& operator<<(std::ostream& out, const Result& result);

/// The position of a run; the argument of the progress callback after every micro-batch.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t step = 0, steps = 0;             ///< of the epoch
  std::int64_t replay = 0, replays = 0;         ///< of the step
  std::int64_t samples = 0, total_samples = 0;  ///< of the epoch
  double loss = 0;                              ///< of the last finished step; NaN before the first
  double seconds = 0;                           ///< since the epoch began
};

}  // namespace sluice
