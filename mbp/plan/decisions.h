#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <sluice/mbp/plan/part_model.h>

namespace sluice {

// What it means to keep a value or to compute it again, decided for each value of a part by itself. The solver of
// mbp/plan/recompute looks for the best such decisions.

/// How long a value stays, and what happens when it is needed after that.
enum class Decision : std::uint8_t {
  keep,         ///< it stays for good, for whatever is computed from it again
  to_last_use,  ///< it stays until it was used for the last time; for others it is computed each time
  recompute,    ///< it goes after its early uses, is computed again at the first late one, and stays from then on
  each_time,    ///< the same, but where it was computed again only to compute something else, it does not stay
};

/// When a value is used of its own, without recomputation: by which of the part's steps, in their order.
struct Uses {
  int last_early = 0;  ///< the last step before the widest gap between uses, or the last of all where no gap is wide
  int last = 0;
};

/// Of every value.
std::vector<Uses> uses_in_order(const PartModel& model);

/// The last step at which the first copy of a value is at hand.
inline int stays_until(const Uses& uses, Decision decision) {
  switch (decision) {
    case Decision::keep: return std::numeric_limits<int>::max();
    case Decision::to_last_use: return uses.last;
    default: return uses.last_early;
  }
}

/// What became of a value in a sequence.
struct Fate {
  int last_wanted = 0;  ///< the last step at which its first copy was wanted
  bool again = false;   ///< it was computed again
};

/// Builds sequences, with what is at hand at each moment.
class SequenceBuilder {
 public:
  /// Both stay where they are while this lives. `uses`: by value.
  SequenceBuilder(const PartModel& model, const std::vector<Uses>& uses) : model_(model), uses_(uses) {}

  /// `sequence` is what running every step takes under these decisions (by value; `keep` for what cannot be computed
  /// again).
  void run(const std::vector<Decision>& decisions, std::vector<int>& sequence);
  /// In the last sequence, by value.
  const std::vector<Fate>& fates() const { return fates_; }

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
  std::vector<Fate> fates_;
  std::vector<int>* sequence_ = nullptr;
  int now_ = 0;
};

}  // namespace sluice
