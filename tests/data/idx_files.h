#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {

using Bytes = std::vector<std::byte>;

/// CRC-32 of gzip and zip; start with 0, feed parts in order.
inline std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
  crc = ~crc;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

inline Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline void append(Bytes& to, std::span<const std::byte> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

/// `value` in `count` bytes, least significant first.
inline void append_little(Bytes& to, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

/// An IDX header: magic number and dimensions.
inline Bytes idx_header(std::uint32_t magic, std::initializer_list<std::uint32_t> dims) {
  Bytes bytes;
  const auto append_big = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(value >> shift));
  };
  append_big(magic);
  for (const std::uint32_t extent : dims) append_big(extent);
  return bytes;
}

/// An IDX file of `count` elements 0, 1, 2, ... modulo `modulus`.
inline Bytes idx_file(std::initializer_list<std::uint32_t> dims, std::size_t count, unsigned modulus = 251) {
  Bytes bytes = idx_header(0x800 + static_cast<std::uint32_t>(dims.size()), dims);
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(i % modulus));
  return bytes;
}

/// One gzip member in stored blocks, so that the tests need no compressor.
inline Bytes gzip(std::span<const std::byte> bytes) {
  Bytes out = bytes_of({0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255});
  for (std::size_t at = 0, size = 0; at == 0 || at < bytes.size(); at += size) {
    size = std::min<std::size_t>(bytes.size() - at, 65535);
    append_little(out, at + size == bytes.size() ? 1 : 0, 1);
    append_little(out, static_cast<std::uint32_t>(size), 2);
    append_little(out, ~static_cast<std::uint32_t>(size), 2);
    append(out, bytes.subspan(at, size));
    if (bytes.empty()) break;
  }
  append_little(out, crc32(bytes), 4);
  append_little(out, static_cast<std::uint32_t>(bytes.size()), 4);
  return out;
}

/// An empty directory of its own, removed at the end.
class TempDirectory {
 public:
  TempDirectory() {
    const std::string name =
        "sluice-test-" + std::to_string(std::random_device{}()) + std::to_string(std::random_device{}());
    path_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directory(path_);
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path() const { return path_.string(); }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const Bytes& bytes) const {
    std::string path = (path_ / name).string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// Expects that `run` throws an E whose message contains all of `parts`.
template <class E = DataError>
void expect_error(const std::function<void()>& run, std::initializer_list<std::string> parts) {
  try {
    run();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' is not in: " << error.what();
  }
}

}  // namespace sluice::test
