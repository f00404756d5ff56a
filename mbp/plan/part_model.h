#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/program.h>

namespace sluice {

/// Predicts the live bytes and the seconds of a replayed part in any order, without changing the part. It
/// is fast enough to compare thousands of orders. An order is a sequence of instructions. An instruction
/// that occurs a second time recomputes its outputs (core/rearrange.h).
class PartModel {
 public:
  PartModel(const Part& part, const DeviceRates& rates);
  PartModel(const PartModel&) = delete;  // steps point into it
  PartModel& operator=(const PartModel&) = delete;

  /// The properties of an instruction on which orders depend.
  struct Step {
    std::span<const int> inputs, outputs;  ///< values in the arena, each listed once
    std::span<const int> in_place;         ///< inputs whose memory output 0 may take
    std::span<const int> after;            ///< steps that must run before, because of what they write outside the arena
    std::size_t workspace_bytes = 0;
    double seconds = 0;       ///< predicted
    bool repeatable = false;  ///< may occur more than once
    bool cheap = false;       ///< Op::cheap
  };

  int steps() const { return static_cast<int>(steps_.size()); }
  const Step& step(int i) const { return steps_[static_cast<std::size_t>(i)]; }
  int values() const { return static_cast<int>(bytes_.size()); }
  std::size_t bytes(int value) const { return bytes_[static_cast<std::size_t>(value)]; }
  /// The step that computes `value`.
  int producer(int value) const { return producer_[static_cast<std::size_t>(value)]; }
  /// Whether the value is read after the part.
  bool live_out(int value) const { return live_out_[static_cast<std::size_t>(value)]; }

  /// Returns the bytes alive during each step of `sequence`, workspaces included. The last element counts
  /// the bytes that are alive after the last step.
  std::vector<std::size_t> live(std::span<const int> sequence) const;
  /// The same into `live`, with scratch memory that the caller reuses. Each thread needs its own.
  class Scratch;
  void live(std::span<const int> sequence, Scratch& scratch, std::vector<std::size_t>& live) const;
  /// Returns the largest element of live().
  std::size_t peak(std::span<const int> sequence) const;
  double seconds(std::span<const int> sequence) const;
  /// Returns the most bytes that one step takes alone, operands and workspace: no sequence has a lower peak.
  std::size_t least_possible() const;

 private:
  struct Lists;
  void store_lists(const std::vector<Lists>& all_lists);

  std::vector<Step> steps_;
  std::vector<int> numbers_;        // storage of the steps' spans
  std::vector<std::size_t> bytes_;  // by value
  std::vector<int> producer_;
  std::vector<bool> live_out_;
};

/// Scratch memory of PartModel::live(), reused from call to call.
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
