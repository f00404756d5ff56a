#include <sluice/mbp/plan/pack_lifetimes.h>

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

Lifetime item(int first, int last, std::size_t bytes) { return {.first = first, .last = last, .bytes = bytes}; }

/// No two that live at once share a byte, and nothing ends above the peak.
void expect_valid(std::span<const Lifetime> items, const Packing& packing) {
  ASSERT_EQ(packing.offsets.size(), items.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    end = std::max(end, packing.offsets[i] + items[i].bytes);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = items[i].first <= items[j].last && items[j].first <= items[i].last;
      const bool apart = packing.offsets[i] + items[i].bytes <= packing.offsets[j] ||
                         packing.offsets[j] + items[j].bytes <= packing.offsets[i];
      EXPECT_TRUE(!together || apart) << "items " << j << " and " << i << " overlap";
    }
  }
  EXPECT_EQ(packing.peak_bytes, end);
  EXPECT_GE(packing.peak_bytes, packing.lower_bound_bytes);
}

std::size_t live_sum(std::span<const Lifetime> items) {
  std::size_t most = 0;
  for (int when = 0; when <= 60; ++when) {
    std::size_t live = 0;
    for (const Lifetime& l : items) live += l.first <= when && when <= l.last ? l.bytes : 0;
    most = std::max(most, live);
  }
  return most;
}

std::vector<Lifetime> random_items(std::mt19937& engine) {
  std::vector<Lifetime> items(1 + engine() % 40);
  for (Lifetime& l : items) {
    const int first = static_cast<int>(engine() % 50);
    l = item(first, first + static_cast<int>(engine() % 10), 64 * (1 + engine() % 20));
  }
  return items;
}

TEST(Packing, OfRandomLifetimesIsValidAndNotFarFromTheBound) {
  std::mt19937 engine(1);
  double worst = 1;
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    const std::vector<Lifetime> items = random_items(engine);
    const Packing packing = pack(items);
    expect_valid(items, packing);
    EXPECT_EQ(packing.lower_bound_bytes, live_sum(items));
    EXPECT_EQ(largest_live_sum(items), live_sum(items));
    for (const std::size_t offset : packing.offsets) EXPECT_EQ(offset % slab_alignment, 0u);
    worst = std::max(worst, static_cast<double>(packing.peak_bytes) / static_cast<double>(packing.lower_bound_bytes));
  }
  EXPECT_LE(worst, 1.4);  // random lifetimes are harder than a network's
}

TEST(Packing, OfNothingIsEmpty) {
  const Packing packing = pack(std::span<const Lifetime>());
  EXPECT_TRUE(packing.offsets.empty());
  EXPECT_EQ(packing.peak_bytes, 0u);
  EXPECT_EQ(packing.lower_bound_bytes, 0u);
}

TEST(Packing, OfNestedLifetimesIsOptimal) {
  // What a forward and backward pass over a chain looks like.
  std::vector<Lifetime> items;
  for (int i = 0; i < 12; ++i) items.push_back(item(i, 40 - i, 64 * static_cast<std::size_t>(1 + i * 7 % 5)));
  for (int i = 0; i < 12; ++i) items.push_back(item(39 - i, 40 - i, 640));
  const Packing packing = pack(items);
  expect_valid(items, packing);
  EXPECT_EQ(packing.peak_bytes, live_sum(items));
}

TEST(Packing, OfAStaircaseIsOptimal) {
  std::vector<Lifetime> items;  // each overlaps with the one before and the one after
  for (int i = 0; i < 20; ++i) items.push_back(item(i, i + 1, 128));
  const Packing packing = pack(items);
  expect_valid(items, packing);
  EXPECT_EQ(packing.peak_bytes, 256u);
}

TEST(Packing, OfDisjointLifetimesUsesTheSameBytes) {
  const std::vector<Lifetime> items{item(0, 3, 640), item(4, 4, 128), item(5, 9, 320)};
  const Packing packing = pack(items);
  EXPECT_EQ(packing.offsets, std::vector<std::size_t>(3, 0));
  EXPECT_EQ(packing.peak_bytes, 640u);
}

TEST(Packing, CountsTheLastInstructionOfALifetime) {
  const std::vector<Lifetime> items{item(0, 3, 64), item(3, 5, 64)};  // both in use at 3
  EXPECT_EQ(pack(items).peak_bytes, 128u);
  EXPECT_EQ(largest_live_sum(items), 128u);
}

TEST(Packing, FillsAGap) {
  // The small one fits between the two that live all the time and the one that lived before it.
  const std::vector<Lifetime> items{item(0, 9, 640), item(0, 4, 256), item(0, 9, 128), item(5, 9, 192)};
  EXPECT_EQ(pack(items).peak_bytes, 640u + 256 + 128);
}

TEST(Packing, IsDeterministic) {
  std::mt19937 engine(2);
  for (int round = 0; round < 20; ++round) {
    const std::vector<Lifetime> items = random_items(engine);
    EXPECT_EQ(pack(items).offsets, pack(items).offsets);
  }
}

}  // namespace
}  // namespace sluice::test
