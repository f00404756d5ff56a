// Free of OpenMP, so that ThreadSanitizer can run it.
#include <sluice/data/loader.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <numeric>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/data/tensor_dataset.h>

#include "idx_files.h"

namespace sluice {
namespace {

using test::expect_error;

/// Samples whose fields tell their index: "image" u8 [3] (index mod 256, plus 0, 1, 2) and "label"
/// i32 [] (index).
class IndexDataset : public Dataset {
 public:
  explicit IndexDataset(std::int64_t samples)
      : spec_{"indices", samples, {{"image", Shape{3}, DType::u8}, {"label", Shape{}, DType::i32}}} {}

  const DataSpec& spec() const override { return spec_; }
  void read(std::int64_t index, std::size_t field, void* to) const override {
    ++reads;
    if (delay.count() > 0) std::this_thread::sleep_for(delay);
    if (index == bad_index) throw DataError("the disk is gone");
    if (index == odd_index) throw 42;
    if (field == 0)
      for (int i = 0; i < 3; ++i) static_cast<std::uint8_t*>(to)[i] = static_cast<std::uint8_t>(index + i);
    else
      *static_cast<std::int32_t*>(to) = static_cast<std::int32_t>(index);
  }

  mutable std::atomic<std::int64_t> reads = 0;
  std::chrono::milliseconds delay{0};
  std::int64_t bad_index = -1, odd_index = -1;

 private:
  DataSpec spec_;
};

/// What one micro-batch needs for an IndexDataset.
struct Staging {
  explicit Staging(std::int64_t count)
      : image(static_cast<std::size_t>(3 * count)),
        label(static_cast<std::size_t>(count), -1) {}
  std::array<std::byte*, 2> fields() {
    return {reinterpret_cast<std::byte*>(image.data()), reinterpret_cast<std::byte*>(label.data())};
  }
  std::vector<std::uint8_t> image;
  std::vector<std::int32_t> label;
};

std::vector<std::int32_t> labels(Loader& loader, std::uint64_t epoch, std::int64_t first, std::int64_t count) {
  Staging staging(count);
  loader.request(epoch, first, count, staging.fields());
  loader.wait();
  return staging.label;
}

TEST(Loader, DeliversEverySampleOnceAnEpoch) {
  const IndexDataset data(103);
  Loader loader(data, {.seed = 5});
  EXPECT_EQ(loader.samples(), 103);
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    std::set<std::int32_t> seen;
    for (std::int64_t first = 0; first < 103; first += 10) {
      const std::int64_t count = std::min<std::int64_t>(10, 103 - first);
      Staging staging(count);
      loader.request(epoch, first, count, staging.fields());
      loader.wait();
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t index = staging.label[static_cast<std::size_t>(i)];
        EXPECT_EQ(index, loader.index_of(epoch, first + i));
        for (int c = 0; c < 3; ++c)
          EXPECT_EQ(staging.image[static_cast<std::size_t>(3 * i + c)], static_cast<std::uint8_t>(index + c));
        seen.insert(index);
      }
    }
    EXPECT_EQ(seen.size(), 103u);
  }
}

TEST(Loader, OrderDependsOnSeedAndEpochAlone) {
  const IndexDataset data(50);
  Loader loader(data, {.seed = 1}), same(data, {.seed = 1}), other(data, {.seed = 2});
  const auto order = labels(loader, 0, 0, 50);
  EXPECT_EQ(labels(same, 0, 0, 50), order);
  EXPECT_NE(labels(other, 0, 0, 50), order);
  EXPECT_NE(labels(loader, 1, 0, 50), order);
}

TEST(Loader, RewindsToAnyEpochAndPosition) {
  const IndexDataset data(50);
  Loader loader(data, {.seed = 1});
  const auto epoch0 = labels(loader, 0, 0, 50), epoch7 = labels(loader, 7, 0, 50);
  const auto part = [](const std::vector<std::int32_t>& order, std::ptrdiff_t first, std::ptrdiff_t count) {
    return std::vector<std::int32_t>(order.begin() + first, order.begin() + first + count);
  };
  EXPECT_EQ(labels(loader, 7, 40, 10), part(epoch7, 40, 10));
  EXPECT_EQ(labels(loader, 0, 13, 1), part(epoch0, 13, 1));
  EXPECT_EQ(labels(loader, 7, 3, 20), part(epoch7, 3, 20));
  EXPECT_EQ(labels(loader, 0, 0, 50), epoch0);
}

TEST(Loader, WithoutShufflingFollowsTheIndex) {
  const IndexDataset data(20);
  Loader loader(data, {.shuffle = false});
  std::vector<std::int32_t> expected(10);
  std::iota(expected.begin(), expected.end(), 5);
  EXPECT_EQ(labels(loader, 3, 5, 10), expected);
  EXPECT_EQ(loader.index_of(3, 19), 19);
}

TEST(Loader, ALimitUsesTheFirstSamplesOnly) {
  const IndexDataset data(100);
  Loader loader(data, {.seed = 1, .samples = 12});
  auto order = labels(loader, 0, 0, 12);
  std::sort(order.begin(), order.end());
  std::vector<std::int32_t> expected(12);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(loader.samples(), 12);
}

TEST(Loader, LeavesOutFieldsWithoutMemory) {
  const IndexDataset data(20);
  Loader loader(data, {.shuffle = false});
  Staging staging(4);
  loader.request(0, 2, 4, std::array<std::byte*, 2>{nullptr, staging.fields()[1]});
  loader.wait();
  EXPECT_EQ(staging.label, (std::vector<std::int32_t>{2, 3, 4, 5}));
  EXPECT_EQ(data.reads, 4);
}

TEST(Loader, WritesNothingBeyondItsRange) {
  const IndexDataset data(20);
  Loader loader(data);
  Staging staging(6);
  loader.request(0, 0, 5, staging.fields());
  loader.wait();
  EXPECT_EQ(staging.label[5], -1);
}

TEST(Loader, LoadsWhileTheUserWorks) {
  const IndexDataset data(64);
  Loader loader(data);
  Staging current(16), next(16);
  loader.request(0, 0, 16, current.fields());
  loader.wait();
  for (std::int64_t first = 16; first < 64; first += 16) {
    loader.request(0, first, 16, next.fields());
    // The user reads `current` while the thread writes `next`: what ThreadSanitizer is to judge.
    for (std::int64_t i = 0; i < 16; ++i)
      EXPECT_EQ(current.label[static_cast<std::size_t>(i)], loader.index_of(0, first - 16 + i));
    loader.wait();
    std::swap(current, next);
  }
}

TEST(Loader, RejectsBadRequestsAndStaysUsable) {
  const IndexDataset data(20);
  Loader loader(data);
  Staging staging(20);
  const auto fields = staging.fields();
  const auto rejected = [&](std::int64_t first, std::int64_t count) {
    expect_error<UsageError>([&] { loader.request(0, first, count, fields); },
                             {"loader: range of positions", "20 samples"});
  };
  rejected(-1, 2);
  rejected(0, 0);
  rejected(0, -3);
  rejected(20, 1);
  rejected(15, 6);
  rejected(1, std::numeric_limits<std::int64_t>::max());
  expect_error<UsageError>([&] { loader.request(0, 0, 1, std::span(fields).first(1)); },
                           {"loader: number of fields", "got 1", "the 2 of 'indices'"});
  EXPECT_THROW(loader.index_of(0, 20), UsageError);
  EXPECT_THROW(loader.index_of(0, -1), UsageError);

  loader.request(0, 0, 20, fields);
  expect_error<UsageError>([&] { loader.request(0, 0, 1, fields); }, {"outstanding"});
  loader.wait();
  loader.wait();  // nothing outstanding: returns at once
  EXPECT_EQ(labels(loader, 0, 0, 20), staging.label);
}

TEST(Loader, RejectsBadOptions) {
  const IndexDataset data(20), empty(0);
  expect_error<UsageError>([&] { Loader(data, {.samples = 21}); },
                           {"loader: number of samples", "got 21 of 20", "'indices'"});
  expect_error<UsageError>([&] { Loader(data, {.samples = -1}); }, {"got -1 of 20"});
  expect_error<UsageError>([&] { Loader{empty}; }, {"expected at least one"});
}

TEST(Loader, ErrorsOfTheThreadReachWaitAndNameTheSample) {
  IndexDataset data(20);
  data.bad_index = 7;
  data.odd_index = 9;
  Loader loader(data, {.shuffle = false});
  Staging staging(20);
  for (int repeat = 0; repeat < 3; ++repeat) {
    loader.request(4, 5, 3, staging.fields());
    expect_error([&] { loader.wait(); },
                 {"loader: cannot read sample 7 of 'indices'", "epoch 4, position 7", "the disk is gone"});
    loader.wait();  // over
    EXPECT_EQ(labels(loader, 4, 0, 7), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6}));
  }
  loader.request(0, 9, 1, staging.fields());
  expect_error([&] { loader.wait(); }, {"sample 9 of 'indices'", "unknown type"});
}

TEST(Loader, ChecksIntegersAndNamesSampleAndNumber) {
  const IndexDataset data(300);
  const FieldCheck labels{1, {0, 9, 11}, "a loss"}, pixels{0, {0, 250}, "a mask"};
  {
    Loader loader(data, {.shuffle = false, .checks = {labels, pixels}});
    Staging staging(20);
    loader.request(0, 0, 10, staging.fields());
    EXPECT_NO_THROW(loader.wait());
    loader.request(3, 5, 15, staging.fields());
    expect_error<DataError>([&] { loader.wait(); }, {"field 'label'", "sample 10", "'indices'", "epoch 3, position 10)",
                                                     "got 10", "expected 0 to 9, or 11", "(a loss)"});
    loader.request(0, 11, 1, staging.fields());
    EXPECT_NO_THROW(loader.wait());
    loader.request(0, 250, 1, std::array<std::byte*, 2>{staging.fields()[0], nullptr});
    expect_error<DataError>([&] { loader.wait(); },
                            {"field 'image'", "sample 250", "element 1", "got 251", "expected 0 to 250 ("});
    loader.request(0, 250, 1, std::array<std::byte*, 2>{nullptr, nullptr});
    EXPECT_NO_THROW(loader.wait());
  }
  Loader shuffled(data, {.seed = 4, .checks = {labels}});
  Staging staging(300);
  shuffled.request(0, 0, 300, staging.fields());
  std::int64_t first = 0;
  while (shuffled.index_of(0, first) < 10 || shuffled.index_of(0, first) == 11) ++first;
  expect_error<DataError>([&] { shuffled.wait(); }, {"sample " + std::to_string(shuffled.index_of(0, first)) + " ",
                                                     "position " + std::to_string(first) + ")"});
}

TEST(Loader, AnErrorNobodyWaitsForIsDropped) {
  IndexDataset data(20);
  data.bad_index = 0;
  Staging staging(20);
  Loader loader(data, {.shuffle = false});
  loader.request(0, 0, 20, staging.fields());
}

TEST(Loader, DestructionAbandonsARunningRequest) {
  IndexDataset data(100000);
  data.delay = std::chrono::milliseconds(1);
  Staging staging(100000);
  {
    Loader loader(data);
    loader.request(0, 0, 100000, staging.fields());
    while (data.reads == 0) std::this_thread::yield();
  }
  const std::int64_t reads = data.reads;
  EXPECT_LT(reads, 100000);
  std::fill(staging.label.begin(), staging.label.end(), 0);  // the memory is the user's again
}

TEST(Loader, ConstructionAndDestructionInALoop) {
  const IndexDataset data(20);
  Staging staging(20);
  for (int repeat = 0; repeat < 200; ++repeat) {
    Loader loader(data);
    if (repeat % 2) loader.request(0, 0, 20, staging.fields());
  }
}

TEST(Loader, CountsTheSecondsThatWaitBlocked) {
  IndexDataset data(20);
  data.delay = std::chrono::milliseconds(20);
  Loader loader(data);
  EXPECT_EQ(loader.waited_s(), 0.0);
  labels(loader, 0, 0, 10);
  const double waited = loader.waited_s();
  EXPECT_GT(waited, 0.0);
  loader.wait();  // nothing outstanding: does not count
  EXPECT_EQ(loader.waited_s(), waited);
}

TEST(Loader, StreamsATensorDataset) {
  const Tensor x = Tensor::of<float>({3, 2}, {0, 1, 10, 11, 20, 21});
  const TensorDataset data("toy", {{"x", x}});
  Loader loader(data, {.seed = 3});
  std::array<float, 6> out{};
  loader.request(0, 0, 3, std::array{reinterpret_cast<std::byte*>(out.data())});
  loader.wait();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = static_cast<float>(loader.index_of(0, static_cast<std::int64_t>(i)) * 10);
    EXPECT_EQ(out[2 * i], row);
    EXPECT_EQ(out[2 * i + 1], row + 1);
  }
}

}  // namespace
}  // namespace sluice
