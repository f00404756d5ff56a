#include <sluice/data/fashion_mnist.h>

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>

#include "idx_files.h"

namespace sluice {
namespace {

using test::Bytes;
using test::expect_error;
using test::idx_file;

std::int32_t label_of(const Dataset& data, std::int64_t index) {
  std::int32_t label = -1;
  data.read(index, 1, &label);
  return label;
}

struct Published {
  Split split;
  std::int64_t samples;
  std::uint32_t image_crc, label_crc;  // of the IDX files' data, by zlib
  std::array<std::int32_t, 10> first_labels;
};

class FashionMnistFiles : public testing::TestWithParam<Published> {};

TEST_P(FashionMnistFiles, AreReadAsPublished) {
  const Published expected = GetParam();
  const FashionMnist data(expected.split);
  ASSERT_EQ(data.spec().samples, expected.samples);
  EXPECT_EQ(data.host_bytes(), static_cast<std::size_t>(expected.samples) * (784 + 4));
  std::uint32_t image_crc = 0, label_crc = 0;
  std::array<std::byte, 784> image{};
  for (std::int64_t i = 0; i < expected.samples; ++i) {
    data.read(i, 0, image.data());
    image_crc = test::crc32(image, image_crc);
    const std::int32_t label = label_of(data, i);
    const auto byte = static_cast<std::byte>(label);
    label_crc = test::crc32({&byte, 1}, label_crc);
    if (i < 10) {
      EXPECT_EQ(label, expected.first_labels[static_cast<std::size_t>(i)]);
    }
  }
  EXPECT_EQ(image_crc, expected.image_crc);
  EXPECT_EQ(label_crc, expected.label_crc);
}

INSTANTIATE_TEST_SUITE_P(
    Real, FashionMnistFiles,
    testing::Values(Published{Split::train, 60000, 0xae65dccd, 0x2ed6e46a, {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}},
                    Published{Split::test, 10000, 0x12728439, 0x242bc73f, {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}}),
    [](const auto& info) { return info.param.split == Split::train ? "train" : "test"; });

/// A directory with a small training set, to be damaged.
struct SmallSet {
  test::TempDirectory directory;
  SmallSet() {
    images(idx_file({6, 28, 28}, std::size_t{6} * 784));
    labels(idx_file({6}, 6));
  }
  void images(const Bytes& bytes) const { directory.write("train-images-idx3-ubyte.gz", test::gzip(bytes)); }
  void labels(const Bytes& bytes) const { directory.write("train-labels-idx1-ubyte", bytes); }
  FashionMnist load(std::int64_t limit = 0) const { return FashionMnist(Split::train, directory.path(), limit); }
};

TEST(FashionMnist, OffersImageAndLabel) {
  const SmallSet files;
  const FashionMnist data = files.load();
  ASSERT_EQ(data.spec().fields.size(), 2u);
  const FieldSpec& image = data.spec().fields[0];
  EXPECT_EQ(image.name, "image");
  EXPECT_EQ(image.shape, Shape({1, 28, 28}));
  EXPECT_EQ(image.dtype, DType::u8);
  EXPECT_EQ(image.mean, std::vector<double>{0.2860});
  EXPECT_EQ(image.std, std::vector<double>{0.3530});
  const FieldSpec& label = data.spec().fields[1];
  EXPECT_EQ(label.name, "label");
  EXPECT_EQ(label.shape, Shape{});
  EXPECT_EQ(label.dtype, DType::i32);
  EXPECT_EQ(data.spec().samples, 6);
  EXPECT_EQ(label_of(data, 5), 5);
}

TEST(FashionMnist, HoldsOnlyTheFirstSamplesOfALimit) {
  const SmallSet files;
  const FashionMnist data = files.load(4);
  EXPECT_EQ(data.spec().samples, 4);
  EXPECT_EQ(data.host_bytes(), 4u * (784 + 4));
  EXPECT_EQ(label_of(data, 3), 3);
  EXPECT_EQ(files.load(6).spec().samples, 6);
  EXPECT_EQ(files.load(7).spec().samples, 6);
  expect_error<UsageError>([&] { files.load(-1); }, {"limit", "-1"});
}

TEST(FashionMnist, TakesItsDirectoryFromTheEnvironment) {
  const SmallSet files;
  const char* before = std::getenv("SLUICE_DATA");
  const std::string saved = before ? before : "";
  setenv("SLUICE_DATA", files.directory.path().c_str(), 1);
  EXPECT_EQ(FashionMnist::default_directory(), files.directory.path());
  EXPECT_EQ(FashionMnist(Split::train).spec().samples, 6);
  setenv("SLUICE_DATA", "", 1);
  EXPECT_EQ(FashionMnist::default_directory(), "/usr/share/datasets/fashion-mnist");
  before ? setenv("SLUICE_DATA", saved.c_str(), 1) : unsetenv("SLUICE_DATA");
}

TEST(FashionMnist, RejectsMissingFiles) {
  const SmallSet files;
  const std::string absent = files.directory.path() + "/absent";
  expect_error([&] { FashionMnist(Split::train, absent); },
               {"fashion_mnist:", absent, "apt-get install dataset-fashion-mnist"});
  expect_error([&] { FashionMnist(Split::train, ""); }, {"fashion_mnist:", "apt-get install dataset-fashion-mnist"});
  expect_error([&] { FashionMnist(Split::test, files.directory.path()); },
               {"t10k-images-idx3-ubyte", "apt-get install dataset-fashion-mnist"});
}

TEST(FashionMnist, RejectsDifferentCounts) {
  const SmallSet files;
  files.labels(idx_file({5}, 5));
  expect_error([&] { files.load(); }, {"counts differ", "6 images", "5 labels", "train-labels-idx1-ubyte"});
  expect_error([&] { files.load(3); }, {"counts differ"});  // although both have three
}

TEST(FashionMnist, RejectsImagesOfAnotherSize) {
  const SmallSet files;
  files.images(idx_file({6, 32, 32}, std::size_t{6} * 1024));
  expect_error([&] { files.load(); }, {"[6,32,32]", "[N,28,28]", "train-images-idx3-ubyte.gz"});
}

TEST(FashionMnist, RejectsLabelsOutOfRange) {
  const SmallSet files;
  Bytes labels = idx_file({6}, 6);
  labels[8 + 4] = std::byte{10};
  files.labels(labels);
  expect_error([&] { files.load(); }, {"label out of range", "got 10 at index 4", "train-labels-idx1-ubyte", "0 to 9"});
  expect_error([&] { files.load(2); }, {"label out of range"});  // although not among those kept
}

TEST(FashionMnist, SaysWhatAFolderHasInstead) {
  const test::TempDirectory folder;
  folder.write("emnist-letters-train-images-idx3-ubyte.gz", {});
  expect_error(
      [&] { FashionMnist(Split::train, folder.path()); },
      {"without train-images-idx3-ubyte[.gz]", "; it has 'emnist-letters-train-images-idx3-ubyte.gz' (EMNIST)"});
  const std::string file = folder.write("fashion.zip", test::bytes_of({'P', 'K', 3, 4, 0}));
  expect_error([&] { FashionMnist(Split::train, file); }, {"fashion.zip' (a zip archive, which must be unpacked)"});
  std::filesystem::create_directory(folder.path() + "/train-images-idx3-ubyte");
  folder.write("train-labels-idx1-ubyte", idx_file({6}, 6));
  expect_error([&] { FashionMnist(Split::train, folder.path()); }, {"cannot open", "got: a directory"});
}

TEST(FashionMnist, RejectsSwappedFiles) {
  const SmallSet files;
  files.images(idx_file({6}, 6));
  expect_error([&] { files.load(); }, {"wrong magic number", "got 0x00000801", "expected 0x00000803"});
}

}  // namespace
}  // namespace sluice
