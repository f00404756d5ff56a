#include <sluice/mbp/plan/decisions.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/rearrange.h>

#include "mbp/made_up_part.h"

namespace sluice::test {
namespace {

/// The sequence when all values but some are kept.
std::vector<int> sequence(const PartModel& model, const std::map<int, Decision>& others) {
  std::vector<Decision> decisions(static_cast<std::size_t>(model.values()), Decision::keep);
  for (const auto& [value, decision] : others) decisions[static_cast<std::size_t>(value)] = decision;
  const std::vector<Uses> uses = uses_in_order(model);
  SequenceBuilder builder(model, uses);
  std::vector<int> result;
  builder.run(decisions, result);
  return result;
}

// Values 0 to 7 are made by the steps of their numbers; step 8 turns round, and step 15 − v is the late use of v.
TEST(Uses, AreEarlyUpToTheWidestGap) {
  const PartModel model(chain(8, 1), {});
  const std::vector<Uses> uses = uses_in_order(model);
  EXPECT_EQ(uses[0].last_early, 1);
  EXPECT_EQ(uses[0].last, 15);
  EXPECT_EQ(uses[4].last_early, 5);
  EXPECT_EQ(uses[4].last, 11);
  EXPECT_EQ(uses[5].last_early, 10) << "a gap of 4 is not wide";
  EXPECT_EQ(uses[5].last, 10);
  EXPECT_EQ(uses[7].last, 8);
}

TEST(Decisions, KeepingIsTheOrderAsItIs) {
  const Part part = chain(8, 1);
  const PartModel model(part, {});
  EXPECT_EQ(sequence(model, {}), as_they_are(part));
  std::map<int, Decision> all;
  for (int v = 0; v < model.values(); ++v) all[v] = Decision::to_last_use;
  EXPECT_EQ(sequence(model, all), as_they_are(part));
}

TEST(Decisions, RecomputedIsWhatIsNeededLate) {
  const PartModel model(chain(8, 1), {});
  EXPECT_EQ(sequence(model, {{3, Decision::recompute}}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3, 12, 13, 14, 15, 16}));
  // Recomputed for 3, value 2 is still in memory when step 13 reads it.
  EXPECT_EQ(sequence(model, {{2, Decision::recompute}, {3, Decision::recompute}}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3, 12, 13, 14, 15, 16}));
  // Where it is made each time, it is not.
  EXPECT_EQ(sequence(model, {{2, Decision::each_time}, {3, Decision::recompute}}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3, 12, 2, 13, 14, 15, 16}));
}

/// Steps 0 to 2 make values 0 to 2, each of the one before; steps 3 to 9 are a chain of others; step 10 needs value 2.
Part late_use_of_a_chain() {
  PartBuilder b;
  std::vector<int> x{b.value(1)};
  b.step({}, {x[0]});
  for (int i = 1; i < 10; ++i) {
    x.push_back(b.value(1));
    b.step({x[x.size() - 2]}, {x.back()});
  }
  b.step({2, x.back()}, {});
  return b.finish();
}

TEST(Decisions, WhatStaysToItsLastUseIsMadeAgainForOthers) {
  const PartModel model(late_use_of_a_chain(), {});
  EXPECT_EQ(sequence(model, {{2, Decision::recompute}}), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 10}));
  EXPECT_EQ(sequence(model, {{1, Decision::to_last_use}, {2, Decision::recompute}}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 10}));
}

// Made each time, for another value; but the step that this is for uses it too, and from there on it stays.
TEST(Decisions, WhatIsUsedItselfStays) {
  PartBuilder b;
  const int x = b.value(1), y = b.value(1);
  b.step({}, {x});
  b.step({x}, {y});
  int last = y;
  for (int i = 2; i < 10; ++i) {
    const int next = b.value(1);
    b.step({last}, {next});
    last = next;
  }
  b.step({y, x, last}, {});
  b.step({x}, {});
  const Part part = b.finish();
  const PartModel model(part, {});
  EXPECT_EQ(sequence(model, {{x, Decision::each_time}, {y, Decision::recompute}}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 10, 11}));
}

TEST(Decisions, WhatIsKeptToTheEndIsThere) {
  Part part = late_use_of_a_chain();
  part.live_out = {4};
  set_lifetimes(part);
  const PartModel model(part, {});
  EXPECT_EQ(sequence(model, {{4, Decision::to_last_use}}), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4}));
}

// Any decisions give a part that runs: rearranged() finds every operand, and what is alive is what was predicted.
TEST(Decisions, AnyAreASequenceThatRuns) {
  std::mt19937 engine(5);
  int recomputed = 0;
  for (int round = 0; round < 200; ++round) {
    const Part part = random_part(engine);
    const PartModel model(part, {});
    const std::vector<Uses> uses = uses_in_order(model);
    SequenceBuilder builder(model, uses);
    std::vector<Decision> decisions(static_cast<std::size_t>(model.values()));
    for (Decision& decision : decisions) decision = static_cast<Decision>(engine() % 4);
    std::vector<int> got;
    builder.run(decisions, got);
    EXPECT_EQ(live_by_lifetimes(rearranged(part, got)), model.live(got));
    for (int v = 0; v < model.values(); ++v) {
      const bool twice = std::count(got.begin(), got.end(), model.producer(v)) > 1;
      EXPECT_EQ(builder.residency()[static_cast<std::size_t>(v)].recomputed, twice);
      recomputed += twice;
    }
    std::vector<int> first_times;
    for (const int step : got)
      if (std::find(first_times.begin(), first_times.end(), step) == first_times.end()) first_times.push_back(step);
    EXPECT_EQ(first_times, as_they_are(part));
  }
  EXPECT_GT(recomputed, 100);
}

}  // namespace
}  // namespace sluice::test
