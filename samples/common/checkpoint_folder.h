#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/mbp/train/trainer.h>

namespace sluice::samples {

/// What --checkpoint and the flags beside it ask for.
struct CheckpointFlags {
  std::string folder = {};       ///< empty: no checkpoints
  std::int64_t every_steps = 0;  ///< 0: not by steps
  double every_minutes = 0;      ///< 0: not by time
  std::int64_t keep = 3;         ///< the newest ones that stay
  bool resume = false;
  std::string resume_from = {};  ///< empty: the newest in the folder
};

/// The checkpoints of a run in a folder: step-000000020.safetensors and so on, of which the newest stay, and
/// best.safetensors. Each is complete or absent, whatever ends the process.
class CheckpointFolder {
 public:
  /// Makes the folder, and removes the temporary files that killed processes have left in it. Throws UsageError when
  /// it cannot be made or written.
  explicit CheckpointFolder(const CheckpointFlags& flags);

  /// The newest checkpoint; empty: there is none.
  std::optional<std::string> newest() const;
  /// Saves if it is time to. Throws Error when that fails.
  void after_step(const Trainer& trainer);
  /// Saves after an epoch, also as the best if `metric` is above that of every checkpoint before, of a resumed run too.
  void after_epoch(const Trainer& trainer, double metric);
  /// Saves, unless the last step is saved already.
  void save(const Trainer& trainer);

 private:
  using Clock = std::chrono::steady_clock;

  std::vector<std::string> names() const;
  std::string path(const std::string& name) const;
  std::optional<double> best_before() const;

  CheckpointFlags flags_;
  std::int64_t saved_step_ = -1;
  std::optional<double> best_;
  Clock::time_point last_ = Clock::now();
};

/// Continues from the checkpoint that the flags ask for, and prints from which, and what will not be the same to the
/// bit. Returns false if there was none yet.
bool resume(Trainer& trainer, const CheckpointFlags& flags, const CheckpointFolder* folder);

}  // namespace sluice::samples
