#include <sluice/mbp/plan/decisions.h>

#include <sluice/core/at.h>

namespace sluice {

std::vector<Uses> uses_in_order(const PartModel& model) {
  std::vector<Uses> all(at(model.values()));
  std::vector<int> widest(at(model.values()), 4);  // narrower gaps do not count
  std::vector<bool> has_gap(at(model.values()), false);
  const auto use = [&](int v, int when) {
    Uses& uses = all[at(v)];
    if (when - uses.last > widest[at(v)]) {
      widest[at(v)] = when - uses.last;
      uses.last_early = uses.last;
      has_gap[at(v)] = true;
    }
    uses.last = when;
  };
  for (int i = 0; i < model.steps(); ++i) {
    for (const int v : model.step(i).inputs) use(v, i);
    for (const int v : model.step(i).outputs) all[at(v)].last = i;
  }
  for (int v = 0; v < model.values(); ++v)
    if (!has_gap[at(v)]) all[at(v)].last_early = all[at(v)].last;
  return all;
}

// The solver's inner loop. Inline, as a shared library's functions are otherwise not inlined even into one another.

inline bool SequenceBuilder::at_hand(int v) {
  switch (copy_[at(v)]) {
    case Copy::none: return false;
    case Copy::original: residency_[at(v)].last_request = now_; return now_ <= stays_until(uses_[at(v)], decisions_[v]);
    case Copy::staying: return true;
    case Copy::passing: return made_for_[at(v)] == now_;
  }
  return false;
}

inline void SequenceBuilder::provide(int v) {
  if (at_hand(v)) return;
  const int step = model_.producer(v);
  for (const int input : model_.step(step).inputs) provide(input);
  execute(step, Copy::staying);
}

inline void SequenceBuilder::execute(int step, Copy copy) {
  sequence_->push_back(step);
  for (const int v : model_.step(step).outputs) {
    // Readers find the latest copy: one that was there to stay is replaced by one that stays.
    const bool stays = decisions_[v] == Decision::keep || decisions_[v] == Decision::recompute ||
                       (at_hand(v) && copy_[at(v)] != Copy::passing);
    copy_[at(v)] = copy == Copy::staying && !stays ? Copy::passing : copy;
    made_for_[at(v)] = now_;
    residency_[at(v)].recomputed |= copy == Copy::staying;
  }
}

void SequenceBuilder::run(const std::vector<Decision>& decisions, std::vector<int>& sequence) {
  decisions_ = decisions.data();
  sequence_ = &sequence;
  sequence.clear();
  copy_.assign(at(model_.values()), Copy::none);
  made_for_.assign(at(model_.values()), -1);
  residency_.assign(at(model_.values()), {});
  for (now_ = 0; now_ < model_.steps(); ++now_) {
    for (const int v : model_.step(now_).inputs) {
      provide(v);
      if (copy_[at(v)] == Copy::passing) copy_[at(v)] = Copy::staying;  // a use of its own: others follow
    }
    execute(now_, Copy::original);
  }
  for (int v = 0; v < model_.values(); ++v)
    if (model_.live_out(v)) provide(v);
}

}  // namespace sluice
