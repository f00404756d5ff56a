// How tensors become arguments of CUDA kernels, and how every thread of a grid walks them: on the host, one thread
// after the other.

#include <sluice/kernels/shared/segments_cuda.h>

#include <array>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using cuda::SegmentChunk;
using cuda::SegmentChunks;

/// Floats at an address that is `shift` elements from one that allows 16-byte accesses.
class Floats {
 public:
  Floats(std::int64_t count, std::int64_t shift)
      : memory_(static_cast<std::size_t>(count + shift) / 4 + 1),
        begin_(memory_[0].at + shift) {}
  float* data() const { return begin_; }

 private:
  std::vector<cuda::Pack<float, 4>> memory_;
  float* begin_;
};

/// Tensors in memory of their own, so that none continues another: two arrays each.
class Tensors {
 public:
  explicit Tensors(const std::vector<std::int64_t>& counts, std::int64_t shift = 0) : counts_(counts) {
    for (const std::int64_t count : counts) {
      float* const x = memory_.emplace_back(count + 1, shift).data();
      float* const y = memory_.emplace_back(count + 1, shift).data();
      segments_.add({x, y}, count);
    }
  }
  const Segments<float, 2>& segments() const { return segments_; }

  /// Adds one to every element of both arrays that any of `threads` threads visits.
  template <int width>
  void count_visits(const SegmentChunks<float, 2>& chunks, std::int64_t threads) {
    for (const SegmentChunk<float, 2>& chunk : chunks)
      for (std::int64_t thread = 0; thread < threads; ++thread)
        cuda::for_each_pack<width>(thread, threads, chunk, [&](int segment, std::int64_t first, int count) {
          ASSERT_LT(segment, chunk.size);
          ASSERT_EQ(first % width, 0) << "a pack that is not aligned";
          ASSERT_TRUE(count == width || (count > 0 && first + count == chunk.count[segment])) << "a short pack inside";
          for (float* const array : chunk.at[segment])
            for (int k = 0; k < count; ++k) ++array[first + k];
        });
  }
  /// Whether each element was visited `times` times, and nothing behind a tensor ever.
  bool visited(float times) const {
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      const float* const array = memory_[i].data();
      const std::int64_t count = counts_[i / 2];
      for (std::int64_t k = 0; k < count; ++k)
        if (array[k] != times) return false;
      if (array[count] != 0) return false;
    }
    return true;
  }

 private:
  std::vector<std::int64_t> counts_;
  std::vector<Floats> memory_;
  Segments<float, 2> segments_;
};

// Single elements, counts that are no whole packs, one chunk exactly full and several of them.
const std::vector<std::vector<std::int64_t>> lists_of_counts = {{1},
                                                                {4},
                                                                {7},
                                                                {1, 1, 1},
                                                                {3, 4, 5, 128, 31},
                                                                {1000, 1, 33},
                                                                std::vector<std::int64_t>(16, 6),
                                                                std::vector<std::int64_t>(17, 5),
                                                                std::vector<std::int64_t>(50, 9)};

TEST(SegmentChunks, EveryElementOnceByAnyNumberOfThreads) {
  for (const std::vector<std::int64_t>& counts : lists_of_counts) {
    Tensors tensors(counts), shifted(counts, 1);
    const SegmentChunks<float, 2> wide(tensors.segments()), narrow(shifted.segments());
    ASSERT_EQ(wide.width(), 4);
    ASSERT_EQ(narrow.width(), 1);
    float times = 0;
    for (const std::int64_t threads : {1, 3, 32, 5000}) {
      ++times;
      tensors.count_visits<4>(wide, threads);
      shifted.count_visits<1>(narrow, threads);
      EXPECT_TRUE(tensors.visited(times)) << counts.size() << " tensors, " << threads << " threads";
      EXPECT_TRUE(shifted.visited(times)) << counts.size() << " shifted tensors, " << threads << " threads";
    }
  }
}

TEST(SegmentChunks, FillsChunksAndCountsTheirPacks) {
  for (const std::vector<std::int64_t>& counts : lists_of_counts) {
    const Tensors tensors(counts);
    const SegmentChunks<float, 2> chunks(tensors.segments());
    constexpr std::size_t capacity = SegmentChunk<float, 2>::capacity;
    EXPECT_EQ(chunks.size(), (counts.size() + capacity - 1) / capacity);
    std::size_t next = 0;
    for (const SegmentChunk<float, 2>& chunk : chunks) {
      std::int64_t packs = 0;
      for (int i = 0; i < chunk.size; ++i, ++next) {
        EXPECT_EQ(chunk.count[i], counts[next]);
        packs += (counts[next] + 3) / 4;
        EXPECT_EQ(chunk.end[i], packs);
      }
      EXPECT_EQ(chunk.packs(), packs);
    }
    EXPECT_EQ(next, counts.size());
  }
}

TEST(SegmentChunks, IsNarrowWhereAnyAddressIs) {
  const Floats first(8, 0), second(8, 0), odd(8, 2);
  Segments<float, 2> segments;
  segments.add({first.data(), second.data()}, 8);
  EXPECT_EQ((SegmentChunks<float, 2>(segments).width()), 4);
  segments.add({first.data(), odd.data()}, 8);
  EXPECT_EQ((SegmentChunks<float, 2>(segments).width()), 1);
}

TEST(SegmentChunks, OfNothingAreNone) {
  EXPECT_EQ((SegmentChunks<float, 2>().size()), 0U);
  EXPECT_EQ((SegmentChunks<float, 2>(Segments<float, 2>()).size()), 0U);
}

// Parameters that lie flat are one segment, and so one chunk, however many they are.
TEST(Segments, JoinsWhatContinuesInEveryArray) {
  const Floats x(100, 0), y(100, 0);
  Segments<float, 2> joined, apart;
  for (int i = 0; i < 40; ++i) {
    const std::int64_t at = std::int64_t{2} * i;
    joined.add({x.data() + at, y.data() + at}, 2);
    apart.add({x.data() + at, y.data() + (i % 2 == 0 ? at : at + 1)}, 2);
  }
  EXPECT_EQ(std::distance(joined.begin(), joined.end()), 1);
  EXPECT_EQ(joined.begin()->count, 80);
  EXPECT_EQ(joined.total(), 80);
  EXPECT_EQ((SegmentChunks<float, 2>(joined).size()), 1U);
  EXPECT_EQ(std::distance(apart.begin(), apart.end()), 40);
  EXPECT_EQ(apart.total(), 80);
  std::int64_t first = 0;
  for (const Segment<float, 2>& segment : apart) {
    EXPECT_EQ(segment.first, first);
    first += segment.count;
  }
}

}  // namespace
}  // namespace sluice::test
