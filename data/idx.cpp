#include <sluice/data/idx.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string_view>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/data/byte_stream.h>
#include <sluice/data/file_kind.h>

namespace sluice {
namespace {

constexpr std::uint32_t u8_magic = 0x00000800;  // + rank
constexpr int max_rank = 4;
constexpr std::size_t chunk_bytes = 1 << 20;

std::string hex(std::uint32_t value) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", static_cast<unsigned>(value));
  return text.data();
}

/// The contents of one stream, read in the order of the format.
class IdxParser {
 public:
  IdxParser(ByteStream& stream, const IdxExpectations& expectations) : stream_(stream), expected_(expectations) {}

  IdxFile parse() {
    read_dimensions(read_rank());
    check_dimensions();
    IdxFile file;
    file.items = dims_[0];
    const std::int64_t item_bytes = data_bytes_ / file.items;
    if (expected_.keep > 0) dims_[0] = std::min(dims_[0], expected_.keep);
    file.shape = Shape(dims_);
    read_values(file.values, static_cast<std::size_t>(dims_[0] * item_bytes));
    return file;
  }

 private:
  int read_rank() {
    const std::uint32_t magic = read_u32();
    const int rank = static_cast<int>(magic - u8_magic);
    const bool valid = magic > u8_magic && magic <= u8_magic + max_rank;
    if (valid && (!expected_.item || rank == expected_.item->rank() + 1)) return rank;
    std::array<std::byte, 4> head{};
    for (std::size_t i = 0; i < head.size(); ++i) head[i] = static_cast<std::byte>(magic >> (24 - 8 * i));
    const int expected_rank = expected_.item ? expected_.item->rank() + 1 : 0;
    fail("wrong magic number", hex(magic) + kind_in_brackets(head, stream_),
         expected_.item ? hex(u8_magic + static_cast<std::uint32_t>(expected_rank)) + " (IDX data, u8 of rank " +
                              std::to_string(expected_rank) + ")"
                        : "0x00000801 to 0x00000804 (IDX data, u8 of rank 1 to 4)");
  }

  void read_dimensions(int rank) {
    for (int i = 0; i < rank; ++i) dims_.push_back(read_u32());
  }

  void check_dimensions() {
    for (const std::int64_t extent : dims_) {
      dims_text_ += dims_text_.empty() ? '[' : ',';
      dims_text_ += std::to_string(extent);
    }
    dims_text_ += ']';
    if (std::find(dims_.begin(), dims_.end(), 0) != dims_.end())
      fail("a dimension is 0", dims_text_, "every dimension >= 1");
    if (expected_.item && Shape(dims_).without_leading() != *expected_.item)
      fail("items have another shape", dims_text_, expected_.item->str(true));
    try {
      data_bytes_ = Shape(dims_).elements();
    } catch (const ShapeError&) {
      fail("dimensions are too large", dims_text_, "fewer than 2^63 elements");
    }
  }

  // Grows inside a reservation: pages are touched only as data arrives, and nothing is copied. A claim
  // that the file cannot fulfil is not even reserved; reading then finds out how much there is.
  void read_values(std::vector<std::byte>& values, std::size_t keep_bytes) try {
    if (keep_bytes <= stream_.max_bytes()) values.reserve(keep_bytes);
    while (values.size() < keep_bytes) {
      const std::size_t done = values.size();
      values.resize(std::min(keep_bytes, done + chunk_bytes));
      read_data(std::span(values).subspan(done));
    }
    std::vector<std::byte> rest(std::min(chunk_bytes, remaining() + 1));
    while (remaining() > 0) read_data(std::span(rest).first(std::min(rest.size(), remaining())));
    // This read also makes a gzip stream verify its checksum.
    if (stream_.read(std::span(rest).first(1)) != 0)
      fail("data after the last element", "more than " + std::to_string(data_bytes_) + " bytes of data",
           std::to_string(data_bytes_) + " for " + dims_text_);
  } catch (const std::bad_alloc&) {
    out_of_memory(keep_bytes);
  } catch (const std::length_error&) {
    out_of_memory(keep_bytes);
  }

  [[noreturn]] void out_of_memory(std::size_t keep_bytes) const {
    throw_out_of_host_memory("the elements " + dims_text_ + " of '" + stream_.name() + "'", keep_bytes);
  }

  std::size_t remaining() const { return static_cast<std::size_t>(data_bytes_) - read_bytes_; }

  void read_data(std::span<std::byte> to) {
    const std::size_t got = stream_.read(to);
    read_bytes_ += got;
    if (got < to.size())
      fail("file is too short", std::to_string(read_bytes_) + " bytes of data",
           std::to_string(data_bytes_) + " for " + dims_text_);
  }

  std::uint32_t read_u32() {
    std::array<std::byte, 4> bytes{};
    const std::size_t got = stream_.read(bytes);
    header_bytes_ += got;
    if (header_bytes_ == 0) fail("file is empty", "no data", "an IDX file");
    if (got < bytes.size())
      fail("file ends inside its header", std::to_string(header_bytes_) + " bytes",
           "4 bytes of magic number and 4 for each dimension");
    std::uint32_t value = 0;
    for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }

  [[noreturn]] void fail(std::string_view what, const std::string& got, const std::string& expected) const {
    throw DataError("idx: " + std::string(what) + "; got " + got + " in '" + stream_.name() + "'; expected " +
                    expected);
  }

  ByteStream& stream_;
  const IdxExpectations& expected_;
  std::vector<std::int64_t> dims_;
  std::string dims_text_;
  std::int64_t data_bytes_ = 0;  // what the dimensions claim
  std::size_t header_bytes_ = 0;
  std::size_t read_bytes_ = 0;  // of the data
};

}  // namespace

IdxFile read_idx(const std::string& path, const IdxExpectations& expectations) {
  ByteStream stream(path);
  return IdxParser(stream, expectations).parse();
}

IdxFile parse_idx(std::span<const std::byte> bytes, const std::string& name, const IdxExpectations& expectations) {
  ByteStream stream(bytes, name);
  return IdxParser(stream, expectations).parse();
}

}  // namespace sluice
