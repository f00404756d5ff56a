#include <sluice/mbp/plan/micro_batches.h>

#include <algorithm>

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

TEST(MicroBatches, OfPlannedSizesCoverAnyNumberInOrder) {
  for (std::int64_t largest = 1; largest <= 70; ++largest) {
    const std::vector<std::int64_t> sizes = sizes_for_any_number(largest, 1);
    EXPECT_EQ(sizes.front(), largest);
    EXPECT_EQ(sizes.back(), 1);
    EXPECT_LE(sizes.size(), 5u);
    for (std::int64_t n = 1; n <= 3 * largest + 5; ++n) {
      SCOPED_TRACE(testing::Message() << n << " by " << largest);
      const MicroBatches split(n, sizes);
      EXPECT_EQ(split.samples, n);
      EXPECT_LE(split.replays, n / largest + 16);
      std::int64_t next = 0, counted = 0;
      for (std::int64_t i = 0; i < split.replays; ++i) {
        EXPECT_EQ(split.first(i), next);
        EXPECT_NE(std::find(sizes.begin(), sizes.end(), split.size(i)), sizes.end());
        next += split.size(i);
      }
      EXPECT_EQ(next, n);
      for (const std::int64_t size : split.sizes()) counted += split.count(size);
      EXPECT_EQ(counted, split.replays);
    }
  }
}

TEST(MicroBatches, OfPlannedSizesAreEvenWhereThoseSizesArePlanned) {
  const std::vector<std::int64_t> sizes{7, 6, 1};
  EXPECT_EQ(MicroBatches(80, sizes).sizes(), (std::vector<std::int64_t>{7, 6}));
  EXPECT_EQ(MicroBatches(80, sizes).replays, 12);
  EXPECT_EQ(MicroBatches(9, sizes).sizes(), (std::vector<std::int64_t>{7, 1}));
  EXPECT_EQ(MicroBatches(9, sizes).count(1), 2);
  EXPECT_EQ(MicroBatches(9, sizes).count(6), 0);
}

TEST(MicroBatches, OfPlannedSizesSayWhatTheyDoNotMakeUp) {
  EXPECT_EQ(sizes_for_any_number(40, 2), (std::vector<std::int64_t>{40, 10, 2}));
  EXPECT_EQ(MicroBatches(45, sizes_for_any_number(40, 2)).samples, 44);
  EXPECT_EQ(MicroBatches(1, sizes_for_any_number(40, 2)).samples, 0);
}

}  // namespace
}  // namespace sluice::test
