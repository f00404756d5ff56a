#include <sluice/mbp/plan/order.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/rearrange.h>

#include "mbp/made_up_part.h"

namespace sluice::test {
namespace {

TEST(PartModel, KnowsWhatIsAliveDuringEveryStep) {
  std::mt19937 engine(1);
  for (int round = 0; round < 200; ++round) {
    const Part part = random_part(engine);
    EXPECT_EQ(PartModel(part, {}).live(as_they_are(part)), live_by_lifetimes(part)) << "round " << round;
  }
}

TEST(PartModel, KnowsWhatARearrangedPartWillTake) {
  std::mt19937 engine(2);
  for (int round = 0; round < 200; ++round) {
    const Part part = random_part(engine);
    const PartModel model(part, {});
    std::vector<int> sequence;
    for (const int i : as_they_are(part)) {  // now and then a step is repeated
      sequence.push_back(i);
      const int repeated = static_cast<int>(engine() % static_cast<unsigned>(i + 1));
      if (engine() % 2 && model.step(repeated).repeatable) sequence.push_back(repeated);
    }
    const Part moved = rearranged(part, sequence);
    EXPECT_EQ(model.live(sequence), live_by_lifetimes(moved)) << "round " << round;
    EXPECT_DOUBLE_EQ(model.seconds(sequence), PartModel(moved, {}).seconds(as_they_are(moved)));
  }
}

TEST(Rearrange, RefusesWhatCannotRun) {
  const Part part = chain(3, 1);
  std::vector<int> sequence = as_they_are(part);
  std::swap(sequence[0], sequence[1]);
  EXPECT_THROW(rearranged(part, sequence), Error);
  sequence = as_they_are(part);
  sequence.pop_back();
  EXPECT_THROW(rearranged(part, sequence), Error);
}

TEST(Order, IsAnOrderOfTheSameStepsAndNeverWorse) {
  std::mt19937 engine(3);
  int better = 0;
  for (int round = 0; round < 200; ++round) {
    const Part part = random_part(engine);
    const PartModel model(part, {});
    std::vector<int> order = improved_order(model);
    const Part moved = rearranged(part, order);  // throws where a step would run too early
    const std::size_t before = model.peak(as_they_are(part)), after = model.peak(order);
    EXPECT_LE(after, before);
    better += after < before;
    EXPECT_EQ(order, improved_order(model)) << "not deterministic";
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, as_they_are(part));
  }
  EXPECT_GT(better, 50);
}

TEST(Order, SumsGradientsAsSoonAsItCan) {
  PartBuilder b;  // x and dy are needed by a sum; dx can be made before or after it
  const int x = b.value(8), dy = b.value(8), dx = b.value(8), rest = b.value(8);
  b.step({}, {x});
  b.step({}, {dy});
  b.step({dy}, {dx});
  b.step({x, dy}, {});
  b.step({dx}, {rest});
  b.step({rest}, {});
  const Part part = b.finish();
  const PartModel model(part, {});
  EXPECT_EQ(model.peak(as_they_are(part)), 24u * 1024);
  EXPECT_EQ(early_sums(model), (std::vector<int>{0, 1, 3, 2, 4, 5}));
  EXPECT_EQ(model.peak(improved_order(model)), 16u * 1024);
}

TEST(Order, RunsTheBranchThatLeavesLessFirst) {
  PartBuilder b;  // two branches of a sum: a wide one that ends small, and a small one
  const int start = b.value(1), wide = b.value(64), narrow = b.value(1), other = b.value(8), sum = b.value(1);
  b.step({}, {start});
  b.step({start}, {other});
  b.step({start}, {wide});
  b.step({wide}, {narrow});
  b.step({other, narrow}, {sum});
  b.step({sum}, {});
  const Part part = b.finish();
  const PartModel model(part, {});
  EXPECT_EQ(model.peak(as_they_are(part)), 73u * 1024);
  EXPECT_EQ(model.peak(improved_order(model)), 66u * 1024);
}

}  // namespace
}  // namespace sluice::test
