#include "common/synthetic_cifar10.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include <sys/stat.h>

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
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 7);  // six of data, and their index
}

TEST(SyntheticCifar10, LeavesNoPartWhereItFails) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory.path() + "/data_batch_3.bin");
  expect_error<Error>([&] { write_synthetic_cifar10(directory.path(), 1, 12, 3); }, {"data_batch_3.bin"});
  const auto entries = std::filesystem::directory_iterator(directory.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(SyntheticCifar10, ReadsAndWritesNothingThatIsNoFile) {
  const TempDirectory directory, outside;
  const std::string index = directory.path() + "/index.txt", target = outside.path() + "/precious";
  std::ofstream(target) << "precious";
  const auto refuses = [&] {
    EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 1, 12, 3));
    expect_error<Error>([&] { write_synthetic_cifar10(directory.path(), 1, 12, 3); }, {"index.txt", "regular file"});
    std::filesystem::remove(index);
  };
  std::filesystem::create_symlink(target, index);
  refuses();
  EXPECT_EQ(test::read_file(target), "precious");
  std::filesystem::create_directory(index);
  refuses();
  ASSERT_EQ(mkfifo(index.c_str(), 0600), 0);
  refuses();
}

TEST(SyntheticCifar10, IsCompleteWithAllItsBytes) {
  const TempDirectory directory;
  const std::string& path = directory.path();
  EXPECT_FALSE(has_synthetic_cifar10(path, 1, 12, 3));
  write_synthetic_cifar10(path, 1, 12, 3);
  EXPECT_TRUE(has_synthetic_cifar10(path, 1, 12, 3));
  EXPECT_FALSE(has_synthetic_cifar10(path, 1, 13, 3));
  EXPECT_FALSE(has_synthetic_cifar10(path, 1, 12, 4));
  EXPECT_FALSE(has_synthetic_cifar10(path, 2, 12, 3));
  std::filesystem::resize_file(path + "/data_batch_5.bin", 3072);
  EXPECT_FALSE(has_synthetic_cifar10(path, 1, 12, 3));
}

TEST(SyntheticCifar10, DamageOfOneBitIsSeen) {
  const TempDirectory directory;
  const auto damaged = [&](const std::string& name, auto damage) {
    write_synthetic_cifar10(directory.path(), 1, 12, 3);
    std::string bytes = test::read_file(directory.path() + "/" + name);
    damage(bytes);
    std::ofstream(directory.path() + "/" + name, std::ios::binary) << bytes;
    return !has_synthetic_cifar10(directory.path(), 1, 12, 3);
  };
  EXPECT_TRUE(damaged("data_batch_1.bin", [](std::string& bytes) { bytes.assign(bytes.size(), '\0'); }));
  EXPECT_TRUE(
      damaged("test_batch.bin", [](std::string& bytes) { bytes.back() = static_cast<char>(bytes.back() ^ 1); }));
  EXPECT_TRUE(damaged("data_batch_3.bin", [](std::string& bytes) { std::swap(bytes[1], bytes[3074]); }));
  EXPECT_TRUE(damaged("index.txt", [](std::string& bytes) { bytes.pop_back(); }));
  std::filesystem::remove(directory.path() + "/index.txt");
  EXPECT_FALSE(has_synthetic_cifar10(directory.path(), 1, 12, 3));
}

TEST(SyntheticCifar10, RejectsWhatCannotBe) {
  const TempDirectory directory;
  expect_error<UsageError>([&] { write_synthetic_cifar10(directory.path(), 1, 4, 1); },
                           {"got 4 to train and 1 to test"});
  expect_error<UsageError>([&] { write_synthetic_cifar10(directory.path(), 1, 5, 0); },
                           {"got 5 to train and 0 to test"});
  const std::string file = directory.write("file", {});
  expect_error<Error>([&] { write_synthetic_cifar10(file, 1, 5, 1); }, {"synthetic_cifar10: cannot", file});
}

/// Caches and temporary folders in a place of their own.
class SyntheticCifar10Cache : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* const name : names) {
      const char* const value = std::getenv(name);
      before_.emplace_back(value ? std::optional<std::string>(value) : std::nullopt);
      setenv(name, (directory_.path() + "/" + name).c_str(), 1);
    }
    std::filesystem::create_directory(place("TMPDIR"));
  }
  void TearDown() override {
    for (std::size_t i = 0; i < before_.size(); ++i)
      before_[i] ? setenv(names[i], before_[i]->c_str(), 1) : unsetenv(names[i]);
  }

  std::string place(const char* name) const { return directory_.path() + "/" + name; }
  std::string entry() const { return place("SLUICE_CACHE_DIR") + "/synthetic-cifar10-recipe1-10000+2000-seed3"; }
  /// What is said while a set is made, found or removed; `look` sees it.
  static std::string told(const std::function<void(const SyntheticCifar10&)>& look = [](const SyntheticCifar10&) {}) {
    testing::internal::CaptureStdout();
    {
      const SyntheticCifar10 set(3, false);
      look(set);
    }
    return testing::internal::GetCapturedStdout();
  }

 private:
  static constexpr const char* names[] = {"SLUICE_CACHE_DIR", "TMPDIR"};
  const TempDirectory directory_;
  std::vector<std::optional<std::string>> before_;
};

TEST_F(SyntheticCifar10Cache, IsWrittenOnce) {
  EXPECT_EQ(told(), "synthetic data: writing 10000 + 2000 images in " + entry() + "\n");
  const auto written = std::filesystem::last_write_time(entry() + "/test_batch.bin");
  EXPECT_EQ(told([&](const SyntheticCifar10& set) { EXPECT_EQ(set.directory(), entry()); }),
            "synthetic data: found 10000 + 2000 images in " + entry() + "\n");
  EXPECT_EQ(std::filesystem::last_write_time(entry() + "/test_batch.bin"), written);
  EXPECT_EQ(std::filesystem::status(entry()).permissions(), std::filesystem::perms::owner_all);
  EXPECT_EQ(Cifar10(Split::test, entry()).spec().samples, 2000);
  EXPECT_TRUE(std::filesystem::is_empty(place("TMPDIR")));
}

TEST_F(SyntheticCifar10Cache, IsWrittenAgainWhereItIsDamaged) {
  told();
  const std::string file = entry() + "/data_batch_2.bin", good = test::read_file(file);
  std::ofstream(file, std::ios::binary) << std::string(good.size(), '\0');
  EXPECT_NE(told().find("writing"), std::string::npos);
  EXPECT_EQ(test::read_file(file), good);
  EXPECT_NE(told().find("found"), std::string::npos);
}

TEST_F(SyntheticCifar10Cache, OtherFilesInItAreLeftAlone) {
  std::filesystem::create_directories(entry());
  std::ofstream(entry() + "/.data_batch_1.bin.1234") << "of a run that was killed";
  EXPECT_NE(told().find("writing"), std::string::npos);
  EXPECT_NE(told().find("found"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(entry() + "/.data_batch_1.bin.1234"));
}

TEST_F(SyntheticCifar10Cache, IsDoneWithoutWhereItCannotBe) {
  std::ofstream(place("SLUICE_CACHE_DIR")) << "a file";
  std::string folder;
  const std::string text = told([&](const SyntheticCifar10& set) {
    folder = set.directory();
    EXPECT_EQ(folder.find(place("TMPDIR") + "/sluice-"), 0u) << folder;
    EXPECT_EQ(std::filesystem::status(folder).permissions(), std::filesystem::perms::owner_all);
    EXPECT_EQ(Cifar10(Split::test, folder).spec().samples, 2000);
  });
  EXPECT_NE(text.find("in " + folder + ", for this run alone: "), std::string::npos) << text;
  EXPECT_NE(text.find(place("SLUICE_CACHE_DIR")), std::string::npos) << text;
  EXPECT_TRUE(std::filesystem::is_empty(place("TMPDIR"))) << "it is not removed";
  std::filesystem::remove(place("TMPDIR"));
  expect_error<Error>([] { SyntheticCifar10(3, true); }, {"synthetic_cifar10: no place for the images",
                                                          "cannot create the folder", "no temporary directory"});
}

}  // namespace
}  // namespace sluice::samples
