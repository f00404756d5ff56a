#include <sluice/data/idx.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/core/philox.h>

#include "idx_files.h"

namespace sluice {
namespace {

using test::append;
using test::Bytes;
using test::bytes_of;
using test::expect_error;
using test::gzip;
using test::idx_file;
using test::idx_header;

Bytes copy_of(std::string_view text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

Bytes first(const Bytes& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

// [2,100,100] zeros by a real compressor: 20016 bytes in 65, most of them one repeated match.
Bytes compressed_zeros() {
  using namespace std::string_view_literals;
  Bytes bytes = copy_of(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc3\x31\x0d\x00\x20\x00\xc0\xb0\x05\x1e\x84\xe2"
      "\x5f\x03\x1c"
      "\x88\xe0\x68\x93\xd6\x9a\xd5\xb8\xf7\x0b"sv);
  bytes.resize(bytes.size() + 18);
  append(bytes, copy_of("\xc0\x07\x0e\x93\x9e\xbb\x12\x30\x4e\x00\x00"sv));
  return bytes;
}

/// The same bytes as a plain file, a gzip file, and plain and gzip in memory.
void for_each_source(const Bytes& contents,
                     const std::function<void(const std::function<IdxFile(IdxExpectations)>&)>& check) {
  const test::TempDirectory directory;
  for (const bool compressed : {false, true}) {
    const Bytes bytes = compressed ? gzip(contents) : contents;
    const std::string path = directory.write(compressed ? "x.gz" : "x", bytes);
    SCOPED_TRACE(path);
    check([&](const IdxExpectations& expectations) { return read_idx(path, expectations); });
    check([&](const IdxExpectations& expectations) { return parse_idx(bytes, path, expectations); });
  }
}

/// Expects an error that names the file and contains `parts`, from every source.
void expect_rejected(const Bytes& contents, std::initializer_list<std::string> parts,
                     const IdxExpectations& expectations = {}) {
  for_each_source(contents, [&](const auto& read) {
    expect_error([&] { read(expectations); }, parts);
    expect_error([&] { read(expectations); }, {"sluice-test-"});
  });
}

TEST(Idx, ReadsEveryRank) {
  struct Case {
    Bytes file;
    Shape shape;
  };
  for (const Case& c : {Case{idx_file({5}, 5), {5}}, Case{idx_file({2, 3}, 6), {2, 3}},
                        Case{idx_file({3, 28, 28}, std::size_t{3} * 784), {3, 28, 28}},
                        Case{idx_file({2, 3, 4, 5}, 120), {2, 3, 4, 5}}})
    for_each_source(c.file, [&](const auto& read) {
      const IdxFile file = read({});
      EXPECT_EQ(file.shape, c.shape);
      EXPECT_EQ(file.items, c.shape[0]);
      ASSERT_EQ(static_cast<std::int64_t>(file.values.size()), c.shape.elements());
      for (std::size_t i = 0; i < file.values.size(); ++i)
        ASSERT_EQ(std::to_integer<std::size_t>(file.values[i]), i % 251);
    });
}

TEST(Idx, ReadsMoreThanOneChunk) {
  constexpr std::size_t count = 3000000;
  for_each_source(idx_file({count}, count), [&](const auto& read) {
    const IdxFile file = read({});
    ASSERT_EQ(file.values.size(), count);
    EXPECT_EQ(file.values.capacity(), count);
    EXPECT_EQ(file.values.back(), static_cast<std::byte>((count - 1) % 251));
  });
}

TEST(Idx, KeepsTheFirstItemsButChecksAll) {
  const Bytes good = idx_file({10, 3}, 30);
  for_each_source(good, [](const auto& read) {
    const IdxFile file = read({.keep = 4});
    EXPECT_EQ(file.items, 10);
    EXPECT_EQ(file.shape, Shape({4, 3}));
    EXPECT_EQ(file.values.size(), 12u);
    EXPECT_EQ(read({.keep = 10}).values, read({}).values);
    EXPECT_EQ(read({.keep = 11}).values, read({}).values);
  });
  expect_rejected(first(good, good.size() - 1), {"idx: file is too short"}, {.keep = 4});
}

TEST(Idx, ReadsWhatARealCompressorWrote) {
  const IdxFile file = parse_idx(compressed_zeros(), "zeros");
  EXPECT_EQ(file.shape, Shape({2, 100, 100}));
  EXPECT_EQ(file.values, Bytes(20000));
}

TEST(Idx, ReadsGzipFilesOfSeveralMembers) {
  const Bytes plain = idx_file({40}, 40);
  Bytes two = gzip(first(plain, 13));
  append(two, gzip(std::span(plain).subspan(13)));
  EXPECT_EQ(parse_idx(two, "two").values, parse_idx(plain, "one").values);
}

TEST(Idx, RejectsPathsThatAreNoFile) {
  const test::TempDirectory directory;
  expect_error([&] { read_idx(directory.path() + "/absent"); }, {"cannot open", "/absent'", "no such file"});
  expect_error([&] { read_idx(directory.path()); }, {"cannot open", directory.path(), "a directory"});
  expect_error([&] { read_idx("/dev/null"); }, {"cannot open", "/dev/null", "not a regular file"});
}

TEST(Idx, RejectsAnIncompleteHeader) {
  expect_rejected({}, {"idx: file is empty; got no data"});
  const Bytes good = idx_file({1, 2, 3}, 6);
  for (const std::size_t bytes : {1u, 3u, 4u, 15u})
    expect_rejected(first(good, bytes),
                    {"idx: file ends inside its header", "got " + std::to_string(bytes) + " bytes"});
}

TEST(Idx, RejectsAnotherMagicNumber) {
  for (const std::uint32_t magic : {0x00000800u, 0x00000805u, 0x00000d03u, 0x01000803u, 0x03080000u, 0xffffffffu}) {
    char text[11];
    std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(magic));
    expect_rejected(idx_header(magic, {1, 1, 1, 1}),
                    {"idx: wrong magic number", std::string("got ") + text, "0x00000801 to 0x00000804"});
  }
  // A file of labels where images are expected.
  expect_rejected(idx_file({4}, 4), {"wrong magic number", "got 0x00000801", "expected 0x00000803"},
                  {.item = Shape{28, 28}});
}

TEST(Idx, SaysWhatAFileIsInstead) {
  expect_rejected(idx_header(0x0d03, {1, 2, 2}),
                  {"got 0x00000d03 (IDX data, f32 of rank 3)", "(IDX data, u8 of rank 1 to 4)"});
  expect_rejected(idx_file({4}, 4), {"got 0x00000801 (IDX data, u8 of rank 1)", "0x00000803 (IDX data, u8 of rank 3)"},
                  {.item = Shape{28, 28}});
  expect_rejected(test::bytes_of({0x80, 3, 'c', 'n'}), {"got 0x8003636e (a Python pickle)"});
  expect_rejected(gzip(gzip(idx_file({4}, 4))), {"(gzip data, compressed twice)"});
  expect_rejected(test::bytes_of({'P', 'K', 3, 4, 0, 0}), {"(a zip archive, which must be unpacked)"});
}

TEST(Idx, RejectsItemsOfAnotherShape) {
  expect_rejected(idx_file({2, 4, 5}, 40), {"idx: items have another shape", "got [2,4,5]", "expected [N,28,28]"},
                  {.item = Shape{28, 28}});
}

TEST(Idx, RejectsZeroDimensions) {
  expect_rejected(idx_file({0}, 0), {"idx: a dimension is 0", "got [0]"});
  expect_rejected(idx_file({3, 0, 28}, 0), {"idx: a dimension is 0", "got [3,0,28]", ">= 1"});
}

TEST(Idx, RejectsAbsurdDimensionsWithoutAllocatingThem) {
  expect_rejected(idx_file({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 10),
                  {"idx: dimensions are too large", "4294967295", "2^63"});
  expect_rejected(idx_file({0xffffffff, 0x7fffffff}, 10),
                  {"idx: file is too short", "got 10 bytes of data", "[4294967295,2147483647]"});
  expect_rejected(idx_file({60000, 28, 28}, 10),
                  {"idx: file is too short", "got 10 bytes of data", "expected 47040000 for [60000,28,28]"});
}

TEST(Idx, RejectsShortData) {
  const Bytes good = idx_file({100, 10}, 1000);
  expect_rejected(first(good, good.size() - 13),
                  {"idx: file is too short", "got 987 bytes of data", "expected 1000 for [100,10]"});
}

TEST(Idx, RejectsTrailingData) {
  Bytes bytes = idx_file({100}, 100);
  bytes.push_back(std::byte{0});
  expect_rejected(bytes, {"idx: data after the last element", "more than 100 bytes", "expected 100 for [100]"});
}

TEST(Idx, RejectsDamagedGzip) {
  const Bytes good = gzip(idx_file({1000}, 1000));
  const auto rejected = [](const Bytes& bytes, std::initializer_list<std::string> parts) {
    const test::TempDirectory directory;
    const std::string path = directory.write("bad.gz", bytes);
    expect_error([&] { read_idx(path); }, parts);
    expect_error([&] { read_idx(path); }, {"bad.gz"});
    expect_error([&] { parse_idx(bytes, "memory"); }, parts);
  };
  Bytes bytes = good;
  bytes[200] ^= std::byte{1};  // an element: only the checksum notices
  rejected(bytes, {"gzip: damaged data", "incorrect data check"});
  bytes = good;
  bytes[10] = std::byte{7};  // a block of no known type
  rejected(bytes, {"gzip: damaged data", "invalid block type"});
  bytes = good;
  bytes[bytes.size() - 1] ^= std::byte{1};
  rejected(bytes, {"gzip: damaged data", "incorrect length check"});
  bytes = good;
  append(bytes, bytes_of({'j', 'u', 'n', 'k'}));
  rejected(bytes, {"gzip: data behind the end", "after 1008 uncompressed bytes"});
  for (const std::size_t size : {3u, 12u, 500u})
    rejected(first(good, size), {"gzip: compressed data ends early", "uncompressed bytes"});
  rejected(first(good, good.size() - 1), {"gzip: compressed data ends early", "got 1008 uncompressed bytes"});
}

// Whatever a file holds, reading it ends with an array or a DataError.
TEST(Idx, SurvivesMutations) {
  std::uint32_t round = 0;
  for (const Bytes& seed : {idx_file({3, 4}, 12), gzip(idx_file({2, 3, 4}, 24)), compressed_zeros()})
    for (int repeat = 0; repeat < 2000; ++repeat) {
      const Philox::Block random = Philox::generate({{round++, 0, 0, 0}}, 1, 2);
      Bytes bytes = seed;
      bytes[random.v[0] % bytes.size()] = static_cast<std::byte>(random.v[1]);
      if (random.v[2] % 4 == 0) bytes.resize(random.v[3] % bytes.size());
      try {
        const IdxFile file = parse_idx(bytes, "mutation");
        EXPECT_EQ(static_cast<std::int64_t>(file.values.size()), file.shape.elements());
      } catch (const DataError&) {  // as good
      }
    }
}

}  // namespace
}  // namespace sluice
