#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include <sluice/mbp/train/trainer.h>

namespace sluice::samples {

/// Writes "epoch 2/6 [=====>    ] 45%  loss 0.4312  3120 images/s  ETA 1:23" to `to` and returns what of it was used.
/// `done_s`: seconds of training so far, of `trained` samples. A bar width below 1 leaves the bar out. Allocates
/// nothing.
std::string_view format_progress(std::span<char> to, const Progress& progress, std::int64_t epochs, double done_s,
                                 std::int64_t trained, int bar_width);

/// Shows a training run on standard output: a bar that is redrawn ten times a second on a terminal, else a line every
/// ten seconds.
class ProgressBar {
 public:
  explicit ProgressBar(std::int64_t epochs);

  /// For Trainer::on_progress.
  void show(const Progress& progress);
  /// Takes the bar away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::int64_t epochs_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point shown_;
  std::int64_t epoch_ = -1;
  double earlier_s_ = 0;  ///< of the epochs before this one
  double epoch_s_ = 0;    ///< of this one
  std::array<char, 256> text_{};
};

}  // namespace sluice::samples
