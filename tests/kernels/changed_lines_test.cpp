#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/device.h>

#include "support/device_under_test.h"

namespace sluice::test {
namespace {

constexpr unsigned char fill = 0xA5;

/// What Backend::changed_lines should say of these bytes.
std::vector<std::uint32_t> lines_of(const std::vector<unsigned char>& bytes, std::size_t line_bytes) {
  std::vector<std::uint32_t> words((bytes.size() + 32 * line_bytes - 1) / (32 * line_bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != fill) words[i / line_bytes / 32] |= std::uint32_t{1} << (i / line_bytes % 32);
  return words;
}

void check_lines(const std::vector<unsigned char>& bytes, std::size_t line_bytes) {
  Backend& backend = device_under_test().backend();
  const Buffer buffer = backend.allocate(bytes.size());
  backend.copy_in(buffer.data(), bytes.data(), bytes.size());
  const std::vector<std::uint32_t> expected = lines_of(bytes, line_bytes);
  const std::size_t allocated = backend.allocated_bytes();
  EXPECT_EQ(backend.changed_lines(buffer.data(), bytes.size(), line_bytes, fill), expected) << bytes.size();
  EXPECT_EQ(backend.Backend::changed_lines(buffer.data(), bytes.size(), line_bytes, fill), expected) << bytes.size();
  EXPECT_EQ(backend.allocated_bytes(), allocated);
}

// One byte at each place of a line, by values that differ from the fill in a single bit.
TEST(ChangedLines, OneByteIsEnough) {
  for (std::size_t place = 0; place < 64; ++place) {
    std::vector<unsigned char> bytes(4096, fill);
    bytes[64 * place + place] ^= static_cast<unsigned char>(1 << place % 8);
    check_lines(bytes, 64);
  }
}

TEST(ChangedLines, OfAnySize) {
  std::mt19937 engine(1);
  for (const std::size_t size : {1U, 63U, 64U, 65U, 64U * 31, 64U * 32, 64U * 32 + 1, 64U * 33 - 1, 64U * 5000 + 17}) {
    std::vector<unsigned char> bytes(size, fill);
    check_lines(bytes, 64);
    for (std::size_t i = 0; i < (size + 299) / 300; ++i) bytes[engine() % size] = static_cast<unsigned char>(engine());
    check_lines(bytes, 64);
    check_lines(bytes, 16);
    bytes.back() = 0;
    check_lines(bytes, 64);
    std::fill(bytes.begin(), bytes.end(), 0);
    check_lines(bytes, 64);
  }
}

// Of more than a piece: memory is looked at in several.
TEST(ChangedLines, OfManyMegabytes) {
  std::vector<unsigned char> bytes((std::size_t{35} << 20) + 5, fill);
  for (std::size_t i = 0; i < bytes.size(); i += (std::size_t{1} << 20) - 64) bytes[i] = 0;
  check_lines(bytes, 64);
}

}  // namespace
}  // namespace sluice::test
