#include <sluice/data/byte_stream.h>

#include <gtest/gtest.h>

#include "data/idx_files.h"

namespace sluice::test {
namespace {

Bytes zeros(std::size_t count) { return Bytes(count); }

/// A gzip file of these pieces.
Bytes file_of(std::initializer_list<Bytes> pieces) {
  Bytes bytes;
  for (const Bytes& piece : pieces) append(bytes, piece);
  return bytes;
}

/// All that comes out, read `step` bytes at a time, from a file and from memory.
Bytes all_of(const Bytes& contents, std::size_t step) {
  const TempDirectory directory;
  const auto drain = [&](ByteStream& stream) {
    Bytes bytes, piece(step);
    while (const std::size_t got = stream.read(piece)) append(bytes, std::span(piece).first(got));
    return bytes;
  };
  ByteStream file(directory.write("name with a space, ä", contents)), memory(contents, "memory");
  const Bytes bytes = drain(memory);
  EXPECT_EQ(drain(file), bytes);
  return bytes;
}

TEST(ByteStream, ReadsMembersAndTheZerosBehindThem) {
  const Bytes text = bytes_of({1, 2, 3, 0, 5}), more = bytes_of({6, 7}), both = file_of({text, more});
  const Bytes member = gzip(text), last = gzip(more), empty = gzip({});
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
    SCOPED_TRACE(step);
    EXPECT_EQ(all_of(file_of({member, last}), step), both);
    for (const std::size_t count : {std::size_t{1}, std::size_t{511}, std::size_t{65536}, std::size_t{200'000}}) {
      EXPECT_EQ(all_of(file_of({member, zeros(count)}), step), text) << count;
      EXPECT_EQ(all_of(file_of({member, zeros(count), last, zeros(count)}), step), both) << count;
    }
    EXPECT_EQ(all_of(empty, step), Bytes());
    EXPECT_EQ(all_of(file_of({empty, empty, zeros(3)}), step), Bytes());
    EXPECT_EQ(all_of(file_of({empty, member, empty, last, empty}), step), both);
  }
}

TEST(ByteStream, RefusesOtherBytesBehindTheLastMember) {
  const Bytes member = gzip(bytes_of({1, 2, 3}));
  for (const Bytes& rest : {bytes_of({7}), bytes_of({0, 0, 7}), bytes_of({'P', 'K', 3, 4})})
    expect_error(
        [&] {
          all_of(file_of({member, rest}), 100);
        },
        {"gzip: data behind the end", "after 3 uncompressed bytes in 'memory'", "zeros or another member"});
  expect_error([&] { all_of(file_of({member, bytes_of({0x1f, 0x8c, 8, 0})}), 100); }, {"gzip: damaged data"});
  expect_error([&] { all_of(file_of({member, bytes_of({0x1f, 0x8b})}), 100); }, {"gzip: compressed data ends early"});
}

}  // namespace
}  // namespace sluice::test
