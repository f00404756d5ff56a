#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sluice/core/safetensors.h>
#include <sluice/layers/module.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

/// The settings of a run that decide whether a restored one gives the same bits, by name: "micro-batch", "threads".
using RunSettings = std::map<std::string, std::string>;

/// What a program notes in a checkpoint for itself, such as the accuracy of the model, by name.
using CheckpointNotes = std::map<std::string, std::string>;

/// Writes a checkpoint: all parameters and buffers under their paths, the optimizer's tensors as
/// "optimizer.<state>.<path>", and as metadata the position of training and `settings`. A safetensors file, which is
/// complete on the disk when this returns; a failure leaves the file that was there. Throws Error.
void write_checkpoint(const std::string& path, ModuleBase& model, const Optimizer& optimizer,
                      const TrainingState& state, const RunSettings& settings, const CheckpointNotes& notes = {});

/// A checkpoint that was read and checked.
class Checkpoint {
 public:
  /// Throws DataError for a file that cannot be read, is no checkpoint, or is one of a newer format.
  explicit Checkpoint(const std::string& path);

  std::int64_t step() const { return step_; }
  std::int64_t epoch() const { return epoch_; }
  std::int64_t position() const { return position_; }  ///< samples of the epoch that are done
  std::uint64_t seed() const { return seed_; }
  const RunSettings& settings() const { return settings_; }
  const CheckpointNotes& notes() const { return notes_; }

  /// Gives `model` and `optimizer` the values and the state of training, wherever these live; a Trainer made afterwards
  /// goes on from there. Throws DataError, with everything as it was, when the checkpoint is of another model (it lists
  /// what is missing, unexpected or of another shape) or of another kind of optimizer.
  void restore(ModuleBase& model, Optimizer& optimizer) const;

  /// The settings that differ: "micro-batch: 7 in the checkpoint, 64 now". Empty: the run goes on bit by bit as if it
  /// had never stopped.
  std::vector<std::string> differences(const RunSettings& now) const;

 private:
  std::int64_t number(const std::string& key) const;

  SafetensorsFile file_;
  std::int64_t step_ = 0, epoch_ = 0, position_ = 0, samples_ = 0;
  std::uint64_t seed_ = 0;
  RunSettings settings_;
  CheckpointNotes notes_;
};

}  // namespace sluice
