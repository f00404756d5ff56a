#include <sluice/optim/schedule.h>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

TEST(Schedule, Constant) { EXPECT_EQ(schedule::constant()(12345), 1); }

TEST(Schedule, WarmupCosine) {
  const Schedule rate = schedule::warmup_cosine({.warmup = 4, .steps = 14, .last = 0.2});
  EXPECT_DOUBLE_EQ(rate(0), 0.25);
  EXPECT_DOUBLE_EQ(rate(3), 1);
  EXPECT_DOUBLE_EQ(rate(4), 1);
  EXPECT_DOUBLE_EQ(rate(9), 0.6);  // half way
  EXPECT_GT(rate(13), 0.2);
  EXPECT_DOUBLE_EQ(rate(14), 0.2);
  EXPECT_DOUBLE_EQ(rate(1000), 0.2);
  for (int step = 4; step < 14; ++step) EXPECT_GE(rate(step), rate(step + 1));
}

TEST(Schedule, WarmupCosineAtItsEdges) {
  EXPECT_DOUBLE_EQ(schedule::warmup_cosine({.steps = 10})(0), 1);
  EXPECT_DOUBLE_EQ(schedule::warmup_cosine({.warmup = 3, .steps = 3})(2), 1);
  EXPECT_DOUBLE_EQ(schedule::warmup_cosine({.warmup = 3, .steps = 3})(3), 0);
  EXPECT_THROW(schedule::warmup_cosine({.warmup = 4, .steps = 3}), UsageError);
  EXPECT_THROW(schedule::warmup_cosine({.warmup = -1, .steps = 3}), UsageError);
  EXPECT_THROW(schedule::warmup_cosine({.steps = 3, .last = 2}), UsageError);
}

TEST(Schedule, Milestones) {
  const Schedule rate = schedule::milestones({.at = {10, 20}, .factor = 0.5});
  EXPECT_DOUBLE_EQ(rate(9), 1);
  EXPECT_DOUBLE_EQ(rate(10), 0.5);
  EXPECT_DOUBLE_EQ(rate(19), 0.5);
  EXPECT_DOUBLE_EQ(rate(20), 0.25);
  EXPECT_THROW(schedule::milestones({.at = {20, 10}}), UsageError);
  EXPECT_THROW(schedule::milestones({.at = {20}, .factor = 0}), UsageError);
}

}  // namespace
}  // namespace sluice::test
