#include <sluice/mbp/pack/packing.h>

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>
#include <sluice/core/error.h>

namespace sluice::test {
namespace {

using Items = std::vector<PackingItem>;

bool alive_together(const PackingItem& a, const PackingItem& b) { return a.lower < b.upper && b.lower < a.upper; }

void expect_valid(const Items& items, const Packing& packing) {
  ASSERT_EQ(packing.offsets.size(), items.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t offset = packing.offsets[i];
    end = std::max(end, offset + items[i].bytes);
    EXPECT_EQ(offset % items[i].alignment, 0u) << "item " << i;
    EXPECT_EQ(items[i].fixed_offset.value_or(offset), offset) << "item " << i;
    for (std::size_t j = 0; j < i; ++j) {
      const bool aliases = items[i].alias_group >= 0 && items[i].alias_group == items[j].alias_group;
      const bool apart = offset + items[i].bytes <= packing.offsets[j] || packing.offsets[j] + items[j].bytes <= offset;
      const bool right = aliases ? offset == packing.offsets[j] : apart || !alive_together(items[i], items[j]);
      EXPECT_TRUE(right) << "items " << j << " and " << i;
    }
  }
  EXPECT_EQ(packing.peak_bytes, end);
  EXPECT_GE(packing.peak_bytes, packing.lower_bound_bytes);
}

/// The lowest peak there is: tries every offset for one item after the other, with more and more room.
class BruteForce {
 public:
  explicit BruteForce(Items items) : items_(std::move(items)), offsets_(items_.size()) {
    std::stable_sort(items_.begin(), items_.end(),
                     [](const PackingItem& a, const PackingItem& b) { return a.lower < b.lower; });
    while (!place_from(0)) ++room_;
  }
  std::size_t best() const { return room_; }

 private:
  bool place_from(std::size_t i) {
    if (i == items_.size()) return true;
    const PackingItem& item = items_[i];
    const std::size_t first = item.fixed_offset.value_or(0), last = item.fixed_offset.value_or(room_);
    for (offsets_[i] = first; offsets_[i] <= last && offsets_[i] + item.bytes <= room_; offsets_[i] += item.alignment) {
      bool free = true;
      for (std::size_t j = 0; j < i && free; ++j)
        free = !alive_together(item, items_[j]) || offsets_[i] + item.bytes <= offsets_[j] ||
               offsets_[j] + items_[j].bytes <= offsets_[i];
      if (free && place_from(i + 1)) return true;
    }
    return false;
  }

  Items items_;
  std::vector<std::size_t> offsets_;
  std::size_t room_ = 0;
};

Items random_items(std::mt19937& engine, std::size_t count, int times, std::size_t most) {
  Items items(count);
  for (PackingItem& item : items) {
    item.lower = static_cast<std::int64_t>(engine() % static_cast<unsigned>(times));
    item.upper = item.lower + 1 + static_cast<std::int64_t>(engine() % static_cast<unsigned>(times));
    item.bytes = 1 + engine() % most;
  }
  return items;
}

/// Tiles the rectangle of `times` x `bytes` by cutting pieces in two: packed without a gap, it is full.
Items full_rectangle(std::mt19937& engine, std::size_t count, std::int64_t times, std::size_t bytes) {
  Items items{{.lower = 0, .upper = times, .bytes = bytes}};
  while (items.size() < count) {
    PackingItem& whole = items[engine() % items.size()];
    PackingItem other = whole;
    if (engine() % 2 && whole.upper - whole.lower > 1) {
      whole.upper = other.lower =
          whole.lower + 1 + static_cast<std::int64_t>(engine() % static_cast<unsigned>(whole.upper - whole.lower - 1));
    } else if (whole.bytes > 1) {
      other.bytes = 1 + engine() % (whole.bytes - 1);
      whole.bytes -= other.bytes;
    } else {
      continue;
    }
    items.push_back(other);
  }
  std::shuffle(items.begin(), items.end(), engine);
  return items;
}

/// Always full: what ends is followed by as much as it had, but not in the same pieces. Often there is no packing as
/// low as the largest live sum.
Items always_full(std::mt19937& engine, std::size_t bytes, int times) {
  Items items;
  std::vector<std::size_t> alive;
  std::size_t missing = bytes;
  for (int now = 0; now < times; ++now) {
    while (missing > 0) {
      const std::size_t part = 1 + engine() % std::min<std::size_t>(missing, 4);
      missing -= part;
      alive.push_back(items.size());
      items.push_back({.lower = now, .upper = times, .bytes = part});
    }
    for (int ends = 0; ends < 2 && now + 1 < times; ++ends) {
      const std::size_t which = engine() % alive.size();
      items[alive[which]].upper = now + 1;
      missing += items[alive[which]].bytes;
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  return items;
}

/// Generations that fill the memory, each in pieces of its own. One ends piece by piece, from one end of the memory to
/// the other; each piece of the next begins as soon as the bytes it lies on are free, and all do before it ends.
Items staircase(std::mt19937& engine, int generations, std::size_t bytes, std::size_t alignment) {
  constexpr std::size_t pieces = 16;
  struct Piece {
    std::size_t begin, end;
    std::int64_t lower = 0, upper = 0;
  };
  Items items;
  std::vector<Piece> before;
  std::int64_t now = 0;
  for (int generation = 0; generation < generations; ++generation) {
    std::vector<std::size_t> cuts{0, bytes};
    while (cuts.size() <= pieces) cuts.push_back(engine() % (bytes / alignment) * alignment);
    std::sort(cuts.begin(), cuts.end());
    std::vector<Piece> alive;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      if (cuts[i] == cuts[i + 1]) continue;
      Piece piece{cuts[i], cuts[i + 1]};
      for (const Piece& old : before)
        if (old.begin < piece.end && piece.begin < old.end) piece.lower = std::max(piece.lower, old.upper);
      now = std::max(now, piece.lower);
      alive.push_back(piece);
    }
    if (engine() % 2) std::reverse(alive.begin(), alive.end());
    for (Piece& piece : alive) {
      piece.upper = ++now;
      items.push_back({piece.lower, piece.upper, piece.end - piece.begin, alignment});
    }
    before = std::move(alive);
  }
  std::shuffle(items.begin(), items.end(), engine);
  return items;
}

TEST(PackingSearch, FindsAndProvesTheOptimumOfSmallProblems) {
  std::mt19937 engine(1);
  int above_bound = 0;
  for (int round = 0; round < 600 && !testing::Test::HasFailure(); ++round) {
    const Items items = round % 2 ? always_full(engine, 9, 7) : random_items(engine, 2 + engine() % 6, 6, 6);
    const Packing packing = pack(items);
    expect_valid(items, packing);
    EXPECT_EQ(packing.peak_bytes, BruteForce(items).best());
    EXPECT_TRUE(packing.proven_optimal());
    above_bound += packing.peak_bytes > packing.lower_bound_bytes;
  }
  EXPECT_GT(above_bound, 0) << "no problem that needs a proof by search";
}

TEST(PackingSearch, FindsTheOptimumWithAlignments) {
  std::mt19937 engine(2);
  for (int round = 0; round < 600 && !testing::Test::HasFailure(); ++round) {
    Items items = random_items(engine, 2 + engine() % 5, 5, 6);
    const bool equal = round % 2;
    for (PackingItem& item : items) item.alignment = equal ? 4 : std::size_t{1} << engine() % 4;
    const Packing packing = pack(items);
    expect_valid(items, packing);
    EXPECT_EQ(packing.peak_bytes, BruteForce(items).best());
    EXPECT_TRUE(packing.proven_optimal());
  }
}

TEST(PackingSearch, LeavesFixedOffsetsWhereTheyAre) {
  std::mt19937 engine(3);
  int reached = 0, rounds = 0;
  for (int round = 0; round < 400 && !testing::Test::HasFailure(); ++round) {
    Items items = random_items(engine, 2 + engine() % 4, 5, 6);
    items[0].fixed_offset = engine() % 8;
    if (items.size() > 2 && !alive_together(items[0], items[1])) items[1].fixed_offset = engine() % 8;
    const Packing packing = pack(items, {.effort = 2000});
    expect_valid(items, packing);
    const std::size_t best = BruteForce(items).best();
    EXPECT_GE(packing.peak_bytes, best);
    EXPECT_TRUE(!packing.proven_optimal() || packing.peak_bytes == best);
    reached += packing.peak_bytes == best;
    ++rounds;
  }
  EXPECT_GT(reached, rounds * 9 / 10);
}

TEST(PackingSearch, PacksAliasesAsOne) {
  std::mt19937 engine(4);
  for (int round = 0; round < 200 && !testing::Test::HasFailure(); ++round) {
    Items items = random_items(engine, 2 + engine() % 5, 6, 6);
    for (PackingItem& item : items)
      if (engine() % 2) item.alias_group = static_cast<int>(engine() % 2);
    Items joined;
    std::map<int, std::size_t> group;
    for (const PackingItem& item : items) {
      const auto [known, fresh] = group.emplace(item.alias_group, joined.size());
      if (item.alias_group < 0 || fresh) {
        joined.push_back(item);
        continue;
      }
      PackingItem& whole = joined[known->second];
      whole.lower = std::min(whole.lower, item.lower);
      whole.upper = std::max(whole.upper, item.upper);
      whole.bytes = std::max(whole.bytes, item.bytes);
    }
    const Packing packing = pack(items);
    expect_valid(items, packing);
    EXPECT_EQ(packing.peak_bytes, BruteForce(joined).best());
  }
}

TEST(PackingSearch, FillsRectanglesWithoutAGap) {
  std::mt19937 engine(5);
  for (const std::size_t count : {20, 80, 160}) {
    for (int round = 0; round < 3; ++round) {
      const Items items = full_rectangle(engine, count, 1000, 1'000'000);
      const Packing packing = pack(items, {.effort = 1'000'000});
      expect_valid(items, packing);
      EXPECT_EQ(packing.peak_bytes, 1'000'000u) << count << " items, round " << round;
      EXPECT_TRUE(packing.proven_optimal());
    }
  }
}

TEST(PackingSearch, LetsGenerationsGiveWayPieceByPiece) {
  std::mt19937 engine(10);
  for (const std::size_t alignment : {1, 64}) {
    for (const int generations : {6, 25, 50}) {
      const Items items = staircase(engine, generations, 64'000'000, alignment);
      const Packing packing = pack(items, {.effort = 2'000'000});
      expect_valid(items, packing);
      EXPECT_EQ(packing.peak_bytes, 64'000'000u) << items.size() << " items, alignment " << alignment;
    }
  }
}

TEST(PackingSearch, StopsWhenItFits) {
  std::mt19937 engine(6);
  const Items items = full_rectangle(engine, 60, 100, 10'000);
  const Packing loose = pack(items, {.capacity_bytes = 100'000});
  expect_valid(items, loose);
  EXPECT_LE(loose.peak_bytes, 100'000u);
  EXPECT_GT(loose.peak_bytes, 10'000u);  // the first placement, taken as it was
  const Packing exact = pack(items, {.effort = 1'000'000, .capacity_bytes = 10'000});
  expect_valid(items, exact);
  EXPECT_EQ(exact.peak_bytes, 10'000u);
  // Too little: that is known at once.
  const Packing above = pack(items, {.capacity_bytes = 9'999});
  expect_valid(items, above);
  EXPECT_GT(above.proven_bound_bytes, 9'999u);
}

TEST(PackingSearch, IsDeterministicAndGetsBetterWithEffort) {
  std::mt19937 engine(7);
  const Items items = random_items(engine, 120, 30, 100'000);
  const Packing first = pack(items, {.effort = 50'000});
  EXPECT_EQ(first.offsets, pack(items, {.effort = 50'000}).offsets);
  expect_valid(items, first);
  EXPECT_LE(first.peak_bytes, pack(items, {.effort = 0}).peak_bytes);
}

TEST(PackingSearch, StopsWhenItsCallerSaysSo) {
  std::mt19937 engine(8);
  const Items items = random_items(engine, 200, 20, 1'000'000);
  int asked = 0;
  const Packing packing = pack(items, {.seconds = 100, .progress = [&](std::size_t peak) {
                                         EXPECT_GT(peak, 0u);
                                         return ++asked < 3;
                                       }});
  expect_valid(items, packing);
  EXPECT_LE(asked, 3);
}

TEST(PackingSearch, OfManyItemsIsValid) {
  std::mt19937 engine(9);
  for (const std::size_t count : {3000, 20'000}) {
    const Items items = random_items(engine, count, static_cast<int>(count) / 20, 5000);
    const Packing packing = pack(items);
    // Neighbours in memory of each moment, instead of all pairs.
    std::map<std::size_t, std::size_t> alive;
    std::vector<std::pair<std::int64_t, std::size_t>> events;
    for (std::size_t i = 0; i < items.size(); ++i) {
      events.emplace_back(2 * items[i].lower + 1, i);
      events.emplace_back(2 * items[i].upper, i);
    }
    std::sort(events.begin(), events.end());
    for (const auto& [when, i] : events) {
      if (when % 2 == 0) {
        alive.erase(packing.offsets[i]);
        continue;
      }
      const auto [where, fresh] = alive.emplace(packing.offsets[i], packing.offsets[i] + items[i].bytes);
      ASSERT_TRUE(fresh);
      ASSERT_TRUE(where == alive.begin() || std::prev(where)->second <= where->first);
      ASSERT_TRUE(std::next(where) == alive.end() || where->second <= std::next(where)->first);
    }
    EXPECT_GE(packing.peak_bytes, packing.lower_bound_bytes);
  }
}

/// The message of the UsageError that packing `items` throws.
std::string refused(const Items& items) {
  try {
    pack(items);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(PackingSearch, RefusesWhatCannotBe) {
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(refused({{.lower = 3, .upper = 3, .bytes = 1}}), "lifetime of item 0; got [3, 3)"));
  EXPECT_TRUE(has(refused({{.bytes = 1, .alignment = 0}}), "alignment of item 0"));
  EXPECT_TRUE(has(refused({{.bytes = 1, .alignment = 4, .fixed_offset = 6}}), "fixed offset of item 0; got 6"));
  EXPECT_TRUE(has(refused({{.bytes = 8, .fixed_offset = 0}, {.bytes = 8, .fixed_offset = 7}}), "that item 0, alive"));
  EXPECT_TRUE(has(
      refused({{.bytes = 8, .fixed_offset = 0, .alias_group = 1}, {.bytes = 8, .fixed_offset = 8, .alias_group = 1}}),
      "as in the rest of its alias group"));
  const std::size_t huge = std::size_t{1} << 61;
  EXPECT_TRUE(has(refused({{.bytes = huge}, {.bytes = huge}}), "2^62"));
  EXPECT_EQ(refused({{.bytes = 8, .fixed_offset = 0}, {.bytes = 8, .fixed_offset = 8}}), "nothing");
}

TEST(PackingSearch, TakesNoRoomForNothing) {
  const Items items{{.bytes = 0}, {.bytes = 64}, {.bytes = 0, .alignment = 8, .fixed_offset = 64}};
  const Packing packing = pack(items);
  expect_valid(items, packing);
  EXPECT_EQ(packing.peak_bytes, 64u);
  EXPECT_TRUE(packing.proven_optimal());
}

}  // namespace
}  // namespace sluice::test
