#include <sluice/data/cifar10.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "idx_files.h"

namespace sluice {
namespace {

using test::Bytes;
using test::expect_error;

constexpr std::size_t record_bytes = 3073;

/// `count` records: the labels count from `first` modulo 10, byte i of image n is i + n modulo 256.
Bytes records(std::size_t count, std::size_t first = 0) {
  Bytes bytes;
  for (std::size_t n = first; n < first + count; ++n) {
    bytes.push_back(static_cast<std::byte>(n % 10));
    for (std::size_t i = 0; i + 1 < record_bytes; ++i) bytes.push_back(static_cast<std::byte>(i + n));
  }
  return bytes;
}

/// A directory with three records in each file of the training set and two in the test set's, to be damaged.
struct SmallSet {
  test::TempDirectory directory;
  explicit SmallSet(const std::string& inside = "") {
    if (!inside.empty()) std::filesystem::create_directory(std::filesystem::path(directory.path()) / inside);
    const std::string prefix = inside.empty() ? "" : inside + "/";
    for (std::size_t i = 0; i < 5; ++i)
      directory.write(prefix + "data_batch_" + std::to_string(i + 1) + ".bin", records(3, 3 * i));
    directory.write(prefix + "test_batch.bin", records(2, 7));
  }
  Cifar10 load(std::int64_t limit = 0) const { return Cifar10(Split::train, directory.path(), limit); }
  void remove(const std::string& name) const { std::filesystem::remove(directory.path() + "/" + name); }
};

std::int32_t label_of(const Dataset& data, std::int64_t index) {
  std::int32_t label = -1;
  data.read(index, 1, &label);
  return label;
}

std::array<std::byte, 3072> image_of(const Dataset& data, std::int64_t index) {
  std::array<std::byte, 3072> image{};
  data.read(index, 0, image.data());
  return image;
}

TEST(Cifar10, OffersImageAndLabel) {
  const SmallSet files;
  const Cifar10 data = files.load();
  ASSERT_EQ(data.spec().fields.size(), 2u);
  const FieldSpec& image = data.spec().fields[0];
  EXPECT_EQ(image.name, "image");
  EXPECT_EQ(image.shape, Shape({3, 32, 32}));
  EXPECT_EQ(image.dtype, DType::u8);
  EXPECT_EQ(image.mean, (std::vector<double>{0.4914, 0.4822, 0.4465}));
  EXPECT_EQ(image.std, (std::vector<double>{0.2470, 0.2435, 0.2616}));
  const FieldSpec& label = data.spec().fields[1];
  EXPECT_EQ(label.name, "label");
  EXPECT_EQ(label.shape, Shape{});
  EXPECT_EQ(label.dtype, DType::i32);
}

TEST(Cifar10, ReadsTheFilesInTheirOrder) {
  const SmallSet files;
  const Cifar10 train = files.load();
  ASSERT_EQ(train.spec().samples, 15);
  EXPECT_EQ(train.spec().name, "cifar-10 train");
  EXPECT_EQ(train.host_bytes(), 15u * (3072 + 4));
  for (std::int64_t i = 0; i < 15; ++i) {
    EXPECT_EQ(label_of(train, i), i % 10);
    const auto image = image_of(train, i);
    EXPECT_EQ(image[0], static_cast<std::byte>(i));
    EXPECT_EQ(image[3071], static_cast<std::byte>(3071 + i));
  }
  const Cifar10 held_out(Split::test, files.directory.path());
  ASSERT_EQ(held_out.spec().samples, 2);
  EXPECT_EQ(held_out.spec().name, "cifar-10 test");
  EXPECT_EQ(label_of(held_out, 1), 8);
}

TEST(Cifar10, HoldsOnlyTheFirstSamplesOfALimit) {
  const SmallSet files;
  const Cifar10 data = files.load(4);  // into the second file
  EXPECT_EQ(data.spec().samples, 4);
  EXPECT_EQ(data.host_bytes(), 4u * (3072 + 4));
  EXPECT_EQ(label_of(data, 3), 3);
  EXPECT_EQ(files.load(15).spec().samples, 15);
  EXPECT_EQ(files.load(16).spec().samples, 15);
  expect_error<UsageError>([&] { files.load(-1); }, {"limit", "-1"});
}

TEST(Cifar10, LooksIntoTheFolderOfTheArchive) {
  const SmallSet files("cifar-10-batches-bin");
  EXPECT_EQ(files.load().spec().samples, 15);
  EXPECT_EQ(Cifar10(Split::test, files.directory.path()).spec().samples, 2);
  EXPECT_EQ(Cifar10(Split::test, files.directory.path() + "/cifar-10-batches-bin").spec().samples, 2);
}

TEST(Cifar10, TakesItsDirectoryFromTheEnvironment) {
  const SmallSet files;
  const char* before = std::getenv("SLUICE_DATA");
  const std::string saved = before ? before : "";
  setenv("SLUICE_DATA", files.directory.path().c_str(), 1);
  EXPECT_EQ(Cifar10(Split::train).spec().samples, 15);
  setenv("SLUICE_DATA", "", 1);
  EXPECT_EQ(Cifar10::default_directory(), "/usr/share/datasets/cifar-10");
  before ? setenv("SLUICE_DATA", saved.c_str(), 1) : unsetenv("SLUICE_DATA");
}

TEST(Cifar10, RejectsMissingFiles) {
  const SmallSet files;
  const std::string absent = files.directory.path() + "/absent";
  expect_error([&] { Cifar10(Split::train, absent); }, {"cifar10: no data", absent, "data_batch_1.bin", "kriz/cifar"});
  expect_error([&] { Cifar10(Split::test, ""); }, {"cifar10: no data", "test_batch.bin"});
  expect_error([&] { Cifar10(Split::test, files.directory.path() + "/test_batch.bin"); }, {"cifar10: no data"});
  files.remove("data_batch_5.bin");
  files.remove("data_batch_3.bin");
  expect_error([&] { files.load(); }, {"files are missing", files.directory.path(),
                                       "without data_batch_3.bin, data_batch_5.bin;", "to data_batch_5.bin"});
  expect_error([&] { files.load(3); }, {"files are missing"});  // although the first file has three
  files.remove("test_batch.bin");
  expect_error([&] { Cifar10(Split::test, files.directory.path()); }, {"without test_batch.bin"});
}

TEST(Cifar10, RejectsADirectoryInPlaceOfAFile) {
  const SmallSet files;
  files.remove("data_batch_2.bin");
  std::filesystem::create_directory(files.directory.path() + "/data_batch_2.bin");
  expect_error([&] { files.load(); }, {"data_batch_2.bin", "a directory"});
}

TEST(Cifar10, RejectsSizesThatAreNoWholeRecords) {
  const SmallSet files;
  Bytes bytes = records(3);
  bytes.pop_back();
  files.directory.write("data_batch_4.bin", bytes);
  const auto parts = {std::string("cifar10: file ends inside a record; got 3072 bytes at byte 6146 (record 2)"),
                      std::string("data_batch_4.bin"), std::string("expected 3073")};
  expect_error([&] { files.load(); }, parts);
  expect_error([&] { files.load(1); }, parts);  // although that record is not among those kept
  files.directory.write("data_batch_4.bin", records(1));
  EXPECT_EQ(files.load().spec().samples, 13);
  bytes = records(1);
  bytes.push_back(std::byte{0});
  files.directory.write("data_batch_4.bin", bytes);
  expect_error([&] { files.load(); }, {"got 1 bytes at byte 3073 (record 1)"});
}

TEST(Cifar10, RejectsEmptyFiles) {
  const SmallSet files;
  files.directory.write("data_batch_1.bin", {});
  expect_error([&] { files.load(); }, {"cifar10: file is empty", "data_batch_1.bin", "3073"});
}

TEST(Cifar10, RejectsLabelsOutOfRange) {
  const SmallSet files;
  Bytes bytes = records(3);
  bytes[2 * record_bytes] = std::byte{10};
  files.directory.write("data_batch_2.bin", bytes);
  const auto parts = {std::string("cifar10: label out of range; got 10 at byte 6146 (record 2)"),
                      std::string("data_batch_2.bin"), std::string("0 to 9")};
  expect_error([&] { files.load(); }, parts);
  expect_error([&] { files.load(2); }, parts);  // although not among those kept
}

/// A file of CIFAR-100: two labels before each image.
Bytes cifar100_records(std::size_t count) {
  Bytes bytes;
  for (std::size_t n = 0; n < count; ++n) {
    bytes.push_back(static_cast<std::byte>(n % 20));
    test::append(bytes, records(1, n));
  }
  return bytes;
}

TEST(Cifar10, SaysWhatAFileIsInstead) {
  const auto says = [](const Bytes& contents, const std::string& kind) {
    const SmallSet files;
    files.directory.write("data_batch_3.bin", contents);
    expect_error([&] { files.load(); }, {"cifar10: ", "data_batch_3.bin' (" + kind});
    files.directory.write("data_batch_3.bin", test::gzip(contents));
    expect_error([&] { files.load(); }, {"cifar10: ", "data_batch_3.bin' (" + kind});
  };
  const std::string cifar100 = "the file's size is that of CIFAR-100, whose records of 3074 bytes have two labels)";
  for (const std::size_t count : {1u, 2u, 50u}) says(cifar100_records(count), cifar100);
  Bytes tar(20'000);
  std::memcpy(tar.data(), "cifar-10-batches-bin/", 21);
  std::memcpy(tar.data() + 257, "ustar", 5);
  says(tar, "a tar archive, which must be unpacked)");
  Bytes pickle = records(2);
  pickle[0] = std::byte{0x80};
  pickle[1] = std::byte{2};
  says(pickle, "a Python pickle)");
  says(test::idx_file({4, 28, 28}, 4 * 784), "IDX data, u8 of rank 3)");
  const std::string page = "<!DOCTYPE html><html><body>Not found</body></html>";
  says(Bytes(reinterpret_cast<const std::byte*>(page.data()),
             reinterpret_cast<const std::byte*>(page.data() + page.size())),
       "a web page)");
  const SmallSet damaged;  // a damaged file is no other kind of file
  Bytes bytes = records(3);
  bytes[record_bytes] = std::byte{10};
  damaged.directory.write("data_batch_1.bin", bytes);
  expect_error([&] { damaged.load(); }, {"data_batch_1.bin'; expected 0 to 9"});
}

TEST(Cifar10, SaysWhatAFolderHasInstead) {
  const auto says = [](std::initializer_list<std::string> names, const std::string& what) {
    const test::TempDirectory folder;
    for (const std::string& name : names) folder.write(name, {});
    expect_error([&] { Cifar10(Split::train, folder.path()); }, {"cifar10: files are missing", what});
  };
  says({"train.bin", "test.bin", "fine_label_names.txt"},
       "; it has 'fine_label_names.txt' (CIFAR-100's binary version)");
  says({"data_batch_1", "data_batch_2", "test_batch"}, "; it has 'data_batch_1' (CIFAR-10's Python version)");
  says({"cifar-10-binary.tar.gz"}, "(CIFAR-10's archive, which must be unpacked)");
  says({"train-images-idx3-ubyte.gz"}, "(MNIST's or Fashion-MNIST's training images)");
  says({"a", "b", "c", "d", "e"}, "; it has 'a', 'b', 'c' and 2 more");
  says({}, "; it is empty");
  const test::TempDirectory folder;
  Bytes tar(2000);
  std::memcpy(tar.data() + 257, "ustar", 5);
  expect_error(
      [&] { Cifar10(Split::train, folder.write("cifar-10-binary.tar.gz", test::gzip(tar))); },
      {"cifar10: no data", "cifar-10-binary.tar.gz' (a tar archive, which must be unpacked); expected a directory"});
  expect_error([&] { Cifar10(Split::train, folder.path() + "/none"); }, {"/none' (there is no such folder)"});
}

TEST(Cifar10, ReadsFromAnyPath) {
  const SmallSet files("ein Verzeichnis, größer");
  const std::string inside = files.directory.path() + "/ein Verzeichnis, größer";
  EXPECT_EQ(Cifar10(Split::train, inside).spec().samples, 15);
}

TEST(ParseCifar10, ReadsPlainAndGzipBytes) {
  const Bytes bytes = records(3);
  for (const Bytes& contents : {bytes, test::gzip(bytes)}) {
    const Cifar10Records all = parse_cifar10(contents, "memory");
    EXPECT_EQ(all.count, 3);
    EXPECT_EQ(all.images.size(), 3u * 3072);
    EXPECT_EQ(all.labels, test::bytes_of({0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}));
    EXPECT_EQ(all.images[3072], std::byte{1});
    const Cifar10Records first = parse_cifar10(contents, "memory", 1);
    EXPECT_EQ(first.count, 3);
    EXPECT_EQ(first.images, Bytes(bytes.begin() + 1, bytes.begin() + record_bytes));
  }
}

TEST(ParseCifar10, RejectsBadBytes) {
  expect_error([&] { parse_cifar10({}, "memory"); }, {"file is empty", "'memory'"});
  expect_error([&] { parse_cifar10(Bytes(1), "memory"); }, {"inside a record", "got 1 bytes at byte 0 (record 0)"});
  Bytes damaged = test::gzip(records(1));
  damaged[damaged.size() - 8] ^= std::byte{1};  // its checksum
  expect_error([&] { parse_cifar10(damaged, "memory"); }, {"gzip: damaged data", "'memory'"});
  damaged.resize(100);
  expect_error([&] { parse_cifar10(damaged, "memory"); }, {"gzip: compressed data ends early", "'memory'"});
}

}  // namespace
}  // namespace sluice
