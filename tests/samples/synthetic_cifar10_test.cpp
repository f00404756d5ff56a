#include "common/synthetic_cifar10.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include <sluice/data/cifar10.h>

#include "data/idx_files.h"
#include "support/read_file.h"

namespace sluice::samples {
namespace {

using test::expect_error;
using test::TempDirectory;

/// All files of a set, one after the other.
std::string whole_set(const std::string& directory) {
  std::string bytes;
  for (const Split split : {Split::train, Split::test})
    for (const std::string& name : Cifar10::file_names(split)) bytes += test::read_file(directory + "/" + name);
  return bytes;
}

std::string generate(std::uint64_t seed, std::int64_t train_samples, std::int64_t test_samples) {
  const TempDirectory directory;
  write_synthetic_cifar10(directory.path(), seed, train_samples, test_samples);
  return whole_set(directory.path());
}

TEST(SyntheticCifar10, TheSeedGivesTheBytes) {
  const std::string bytes = generate(7, 23, 4);
  EXPECT_EQ(bytes.size(), 27u * 3073);
  EXPECT_EQ(generate(7, 23, 4), bytes);
  EXPECT_NE(generate(8, 23, 4), bytes);
  EXPECT_NE(generate(7 + (std::uint64_t{1} << 32), 23, 4), bytes);
  // Known once and for all: another compiler or machine must not give other images.
  EXPECT_EQ(test::crc32(std::as_bytes(std::span(bytes.data(), bytes.size()))), 0x2291051eu);
}

TEST(SyntheticCifar10, TestImagesAreNotTrainingImages) {
  const std::string bytes = generate(7, 5, 5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NE(bytes.substr(i * 3073, 3073), bytes.substr((i + 5) * 3073, 3073));
}

TEST(SyntheticCifar10, IsReadAndBalanced) {
  const TempDirectory directory;
  write_synthetic_cifar10(directory.path(), 1, 200, 40);
  for (const Split split : {Split::train, Split::test}) {
    const Cifar10 data(split, directory.path());
    ASSERT_EQ(data.spec().samples, split == Split::train ? 200 : 40);
    std::array<int, 10> counts{};
    for (std::int64_t i = 0; i < data.spec().samples; ++i) {
      std::int32_t label = -1;
      data.read(i, 1, &label);
      ++counts.at(static_cast<std::size_t>(label));
    }
    for (const int count : counts) EXPECT_EQ(count, data.spec().samples / 10);
  }
}

TEST(SyntheticCifar10, LeavesNothingButItsFiles) {
  const TempDirectory directory;
  const std::string inner = directory.path() + "/made/on/the/way";
  write_synthetic_cifar10(inner, 1, 5, 1);
  const auto entries = std::filesystem::directory_iterator(inner);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 6);
}

TEST(SyntheticCifar10, IsCompleteWithAllItsBytes) {
  const TempDirectory directory;
  EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 12, 3));
  write_synthetic_cifar10(directory.path(), 1, 12, 3);
  EXPECT_TRUE(has_synthetic_cifar10(directory.path(), 12, 3));
  EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 13, 3));
  EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 12, 4));
  std::filesystem::resize_file(directory.path() + "/data_batch_5.bin", 3072);
  EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 12, 3));
}

TEST(SyntheticCifar10, RejectsWhatCannotBe) {
  const TempDirectory directory;
  expect_error<UsageError>([&] { write_synthetic_cifar10(directory.path(), 1, 4, 1); },
                           {"got 4 to train and 1 to test"});
  expect_error<UsageError>([&] { write_synthetic_cifar10(directory.path(), 1, 5, 0); },
                           {"got 5 to train and 0 to test"});
  const std::string file = directory.write("file", {});
  expect_error<Error>([&] { write_synthetic_cifar10(file, 1, 5, 1); }, {"synthetic_cifar10: cannot write", file});
}

TEST(SyntheticCifar10, TheCacheIsWrittenOnce) {
  const TempDirectory directory;
  const char* before = std::getenv("TMPDIR");
  const std::string saved = before ? before : "";
  setenv("TMPDIR", directory.path().c_str(), 1);
  testing::internal::CaptureStdout();
  const std::string cache = cached_synthetic_cifar10(3, false);
  const std::string first = testing::internal::GetCapturedStdout();
  const auto written = std::filesystem::last_write_time(cache + "/test_batch.bin");
  testing::internal::CaptureStdout();
  EXPECT_EQ(cached_synthetic_cifar10(3, false), cache);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "synthetic data: found 10000 + 2000 images in " + cache + "\n");
  EXPECT_EQ(first, "synthetic data: writing 10000 + 2000 images in " + cache + "\n");
  EXPECT_EQ(std::filesystem::last_write_time(cache + "/test_batch.bin"), written);
  EXPECT_EQ(cache.find(directory.path()), 0u);
  EXPECT_EQ(Cifar10(Split::test, cache).spec().samples, 2000);
  before ? setenv("TMPDIR", saved.c_str(), 1) : unsetenv("TMPDIR");
}

}  // namespace
}  // namespace sluice::samples
