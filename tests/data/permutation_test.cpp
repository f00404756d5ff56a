#include <sluice/data/permutation.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

std::vector<std::int64_t> all(const Permutation& order) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < order.size(); ++i) values.push_back(order(i));
  return values;
}

class PermutationSizes : public testing::TestWithParam<std::int64_t> {};

TEST_P(PermutationSizes, HitsEveryIndexOnce) {
  const std::int64_t n = GetParam();
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int> hits(static_cast<std::size_t>(n));
    for (const std::int64_t index : all(Permutation(n, 7, epoch))) {
      ASSERT_GE(index, 0);
      ASSERT_LT(index, n);
      ASSERT_EQ(++hits[static_cast<std::size_t>(index)], 1) << "index " << index;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exhaustive, PermutationSizes,
                         testing::Values(1, 2, 3, 4, 5, 7, 10, 16, 17, 99, 100, 101, 255, 256, 257, 1000, 4096, 10000,
                                         60000, 65536, 65537));

TEST(Permutation, IsAFunctionOfSeedAndEpochAlone) {
  const auto reference = all(Permutation(1000, 1, 1));
  EXPECT_EQ(reference, all(Permutation(1000, 1, 1)));
  EXPECT_NE(reference, all(Permutation(1000, 1, 2)));
  EXPECT_NE(reference, all(Permutation(1000, 2, 1)));
  // The upper halves of both numbers count too.
  EXPECT_NE(reference, all(Permutation(1000, 1, 1 | std::uint64_t{1} << 32)));
  EXPECT_NE(reference, all(Permutation(1000, 1 | std::uint64_t{1} << 32, 1)));
}

// A resumed run must see the order its checkpoint was made with: the function may not change.
TEST(Permutation, IsPinned) {
  EXPECT_EQ(all(Permutation(10, 1, 0)), (std::vector<std::int64_t>{8, 7, 5, 4, 0, 6, 3, 2, 9, 1}));
}

TEST(Permutation, SmallSizesReachEveryOrderEquallyOften) {
  constexpr int epochs = 24000;
  for (const std::int64_t n : {2, 3, 4}) {
    std::map<std::vector<std::int64_t>, int> count;
    for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) ++count[all(Permutation(n, 5, epoch))];
    const std::size_t orders = n == 2 ? 2 : n == 3 ? 6 : 24;
    EXPECT_EQ(count.size(), orders);
    const double expected = static_cast<double>(epochs) / static_cast<double>(orders);
    for (const auto& [order, times] : count)
      EXPECT_NEAR(times, expected, 6 * std::sqrt(expected)) << "n=" << n << ", an order that starts with " << order[0];
  }
}

TEST(Permutation, ShuffleLeavesNoPattern) {
  constexpr std::int64_t n = 60000;
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    const auto order = all(Permutation(n, 3, epoch));
    double displacement = 0;
    std::int64_t fixed = 0, successors = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t value = order[static_cast<std::size_t>(i)];
      displacement += static_cast<double>(std::abs(value - i));
      fixed += value == i;
      successors += i > 0 && value == order[static_cast<std::size_t>(i - 1)] + 1;
    }
    // A random permutation moves an index by n/3 on average (standard deviation of the mean: n /
    // sqrt(18 n) or so) and has one fixed point and one pair of successors on average.
    EXPECT_NEAR(displacement / n, n / 3.0, 0.01 * n);
    EXPECT_LT(fixed, 10);
    EXPECT_LT(successors, 10);
  }
}

// How often an index of bucket b stands in bucket p of the positions: chi-square over 10 x 10
// buckets, 81 degrees of freedom.
TEST(Permutation, BucketsMixEvenly) {
  constexpr std::int64_t n = 60000, buckets = 10;
  for (std::uint64_t epoch = 0; epoch < 8; ++epoch) {
    std::array<std::array<double, buckets>, buckets> seen{};
    const auto order = all(Permutation(n, 11, epoch));
    for (std::int64_t i = 0; i < n; ++i)
      ++seen[static_cast<std::size_t>(i * buckets / n)]
            [static_cast<std::size_t>(order[static_cast<std::size_t>(i)] * buckets / n)];
    constexpr double expected = static_cast<double>(n) / (buckets * buckets);
    double chi_square = 0;
    for (const auto& row : seen)
      for (const double count : row) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, 150);  // p < 5e-6
    EXPECT_GT(chi_square, 35);   // suspiciously even
  }
}

TEST(Permutation, WorksAtTheLargestSize) {
  const Permutation order(std::numeric_limits<std::int64_t>::max(), 1, 1);
  EXPECT_GE(order(0), 0);
  EXPECT_NE(order(0), order(order.size() - 1));
}

TEST(Permutation, RejectsBadArguments) {
  EXPECT_THROW(Permutation(0, 1, 1), UsageError);
  EXPECT_THROW(Permutation(-5, 1, 1), UsageError);
  EXPECT_THROW(Permutation(5, 1, 1)(5), UsageError);
  EXPECT_THROW(Permutation(5, 1, 1)(-1), UsageError);
}

}  // namespace
}  // namespace sluice
