#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

// One decision for each value of a part: keep it in memory, or recompute it. The decisions determine a
// sequence of steps. The solver in mbp/plan/recompute searches for the best decisions
// (docs/planning.md, "Keep or recompute").

/// How long a value stays in memory, and what happens when a later step reads it.
enum class Decision : std::uint8_t {
  keep,         ///< it stays until its last reader, recomputed readers included
  to_last_use,  ///< it stays until its last use; recomputing another value from it recomputes it each time
  recompute,    ///< it is freed after its early uses, recomputed at the first late one, and stays from then on
  each_time,    ///< as `recompute`, but a copy that only serves to recompute another value does not stay
};

/// The steps that use a value in a sequence without recomputation, as indices of steps of the part.
struct Uses {
  int last_early = 0;  ///< the last use before the widest gap between uses; without a wide gap, the last use
  int last = 0;        ///< the last use
};

/// Returns the uses of every value, by value.
std::vector<Uses> uses_in_order(const PartModel& model);

/// Returns the last step at which the first copy of a value is in memory.
inline int stays_until(const Uses& uses, Decision decision) {
  switch (decision) {
    case Decision::keep: return std::numeric_limits<int>::max();
    case Decision::to_last_use: return uses.last;
    default: return uses.last_early;
  }
}

/// How a sequence uses the copies of one value.
struct Residency {
  int last_request = 0;     ///< the last step that asks for the first copy, whether that is still in memory or not
  bool recomputed = false;  ///< the sequence computes the value more than once
};

/// Builds sequences from decisions. It tracks which values are in memory at each step.
class SequenceBuilder {
 public:
  /// `model` and `uses` (by value) must outlive the builder.
  SequenceBuilder(const PartModel& model, const std::vector<Uses>& uses) : model_(model), uses_(uses) {}

  /// Sets `sequence` to every step of the part in order, each preceded by the steps that recompute the
  /// inputs it lacks. `decisions`: by value; `keep` for values that cannot be recomputed.
  void run(const std::vector<Decision>& decisions, std::vector<int>& sequence);
  /// Returns how the last sequence uses each value, by value.
  const std::vector<Residency>& residency() const { return residency_; }

 private:
  enum class Copy : std::uint8_t { none, original, staying, passing };

  bool at_hand(int v);
  void provide(int v);
  void execute(int step, Copy copy);

  const PartModel& model_;
  const Decision* decisions_ = nullptr;  // by value
  const std::vector<Uses>& uses_;
  std::vector<Copy> copy_;
  std::vector<int> made_for_;
  std::vector<Residency> residency_;
  std::vector<int>* sequence_ = nullptr;
  int now_ = 0;
};

}  // namespace sluice
