#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/program.h>

namespace sluice {

/// What running a replayed part in some order would take, without touching the part: enough to compare thousands of
/// orders. An order is a sequence of instructions; one that occurs again computes its outputs again (core/rearrange.h).
class PartModel {
 public:
  PartModel(const Part& part, const DeviceRates& rates);
  PartModel(const PartModel&) = delete;  // steps point into it
  PartModel& operator=(const PartModel&) = delete;

  /// An instruction as far as orders depend on it.
  struct Step {
    std::span<const int> inputs, outputs;  ///< values in the arena, each once
    std::span<const int> in_place;         ///< of the inputs: those whose memory output 0 may take
    std::span<const int> after;            ///< steps that must come first because of what they write outside the arena
    std::size_t workspace_bytes = 0;
    double seconds = 0;       ///< predicted
    bool repeatable = false;  ///< may run again
    bool cheap = false;       ///< Op::cheap
  };

  int steps() const { return static_cast<int>(steps_.size()); }
  const Step& step(int i) const { return steps_[static_cast<std::size_t>(i)]; }
  int values() const { return static_cast<int>(bytes_.size()); }
  std::size_t bytes(int value) const { return bytes_[static_cast<std::size_t>(value)]; }
  /// The step that computes `value`.
  int producer(int value) const { return producer_[static_cast<std::size_t>(value)]; }
  bool kept_to_end(int value) const { return kept_[static_cast<std::size_t>(value)]; }

  /// Bytes alive during every step of `sequence`, workspaces included; after the last one, what is kept to the end.
  std::vector<std::size_t> live(std::span<const int> sequence) const;
  /// The same into a vector, with memory that is used again; for threads that each have theirs.
  class Scratch;
  void live(std::span<const int> sequence, Scratch& scratch, std::vector<std::size_t>& live) const;
  /// The largest of them.
  std::size_t peak(std::span<const int> sequence) const;
  double seconds(std::span<const int> sequence) const;
  /// What some step takes by itself, its operands and its workspace: no sequence has a lower peak.
  std::size_t least_possible() const;

 private:
  struct Lists;
  void keep(const std::vector<Lists>& all_lists);

  std::vector<Step> steps_;
  std::vector<int> numbers_;        // what the steps' spans look at
  std::vector<std::size_t> bytes_;  // by value
  std::vector<int> producer_;
  std::vector<bool> kept_;
};

/// Memory that one prediction after the other uses.
class PartModel::Scratch {
  friend class PartModel;
  struct Copy {
    std::size_t bytes;
    int first, last;
    int memory;  // the copy whose memory it takes: itself, or one it overwrites
  };
  std::vector<Copy> copies_;
  std::vector<int> latest_;
};

}  // namespace sluice
