#include <sluice/mbp/plan/micro_batches.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

TEST(MicroBatches, CoversTheBatchInOrder) {
  for (std::int64_t n = 1; n <= 50; ++n)
    for (std::int64_t micro_batch = 1; micro_batch <= n + 3; ++micro_batch) {
      SCOPED_TRACE(testing::Message() << n << " by " << micro_batch);
      const MicroBatches split(n, micro_batch);
      EXPECT_EQ(split.replays, n / micro_batch + (n % micro_batch != 0));
      std::int64_t next = 0;
      for (std::int64_t i = 0; i < split.replays; ++i) {
        EXPECT_EQ(split.first(i), next);
        EXPECT_GE(split.size(i), 1);
        EXPECT_LE(split.size(i), micro_batch);
        EXPECT_LE(split.size(0) - split.size(i), 1);
        if (i > 0) {
          EXPECT_LE(split.size(i), split.size(i - 1));
        }
        next += split.size(i);
      }
      EXPECT_EQ(next, n);
    }
}

TEST(MicroBatches, HasOneOrTwoSizes) {
  EXPECT_EQ(MicroBatches(80, 7).replays, 12);
  EXPECT_EQ(MicroBatches(80, 7).sizes(), (std::vector<std::int64_t>{7, 6}));
  EXPECT_EQ(MicroBatches(80, 20).sizes(), std::vector<std::int64_t>{20});
  EXPECT_EQ(MicroBatches(80, 79).sizes(), std::vector<std::int64_t>{40});  // not 79 and 1
  EXPECT_EQ(MicroBatches(5, 100).sizes(), std::vector<std::int64_t>{5});
  EXPECT_EQ(MicroBatches(1, 1).sizes(), std::vector<std::int64_t>{1});
}

}  // namespace
}  // namespace sluice::test
