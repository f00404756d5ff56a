#include <sluice/data/byte_stream.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include <zlib.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

constexpr std::size_t buffer_bytes = 1 << 16;
constexpr std::size_t max_inflate_bytes = std::size_t{1} << 30;  // zlib counts in 32 bits
constexpr std::size_t max_inflate_ratio = 1032;                  // 258 bytes from two bits: deflate's best case

constexpr std::byte gzip_magic[] = {std::byte{0x1f}, std::byte{0x8b}};

[[noreturn]] void cannot_open(const std::string& path, const std::string& got) {
  throw DataError("data: cannot open '" + path + "'; got: " + got + "; expected a readable file");
}

}  // namespace

struct ByteStream::Inflater {
  z_stream zlib{};
  bool ended = false;

  Inflater() {
    // 16 + 15: gzip framing (not zlib's), the largest window.
    if (inflateInit2(&zlib, 16 + 15) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&zlib); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

ByteStream::ByteStream(const std::string& path) : name_(path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::directory) cannot_open(path, "a directory");
  if (status.type() == std::filesystem::file_type::not_found) cannot_open(path, "no such file");
  if (error) cannot_open(path, error.message());
  if (status.type() != std::filesystem::file_type::regular) cannot_open(path, "not a regular file");
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) cannot_open(path, std::strerror(errno));
  raw_bytes_ = static_cast<std::size_t>(std::filesystem::file_size(path, error));
  if (error) cannot_open(path, error.message());
  buffer_.resize(buffer_bytes);
  detect_gzip();
}

ByteStream::ByteStream(std::span<const std::byte> memory, std::string name)
    : name_(std::move(name)),
      raw_bytes_(memory.size()),
      raw_(memory) {
  detect_gzip();
}

ByteStream::~ByteStream() = default;

void ByteStream::detect_gzip() {
  if (refill() && raw_.size() >= 2 && raw_[0] == gzip_magic[0] && raw_[1] == gzip_magic[1])
    inflater_ = std::make_unique<Inflater>();
}

bool ByteStream::refill() {
  if (!raw_.empty()) return true;
  if (!file_) return false;
  const std::size_t got = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
  if (got < buffer_.size() && std::ferror(file_.get()))
    throw DataError("data: cannot read '" + name_ + "'; got: " + std::strerror(errno));
  raw_ = {buffer_.data(), got};
  return got > 0;
}

std::size_t ByteStream::max_bytes() const {
  if (!inflater_) return raw_bytes_;
  if (raw_bytes_ > std::numeric_limits<std::size_t>::max() / max_inflate_ratio)
    return std::numeric_limits<std::size_t>::max();
  return raw_bytes_ * max_inflate_ratio;
}

std::size_t ByteStream::read(std::span<std::byte> to) {
  std::size_t total = 0;
  while (total < to.size()) {
    const std::span<std::byte> rest = to.subspan(total);
    std::size_t got = 0;
    if (inflater_) {
      if (inflater_->ended) break;
      got = inflate_some(rest);
    } else {
      if (!refill()) break;
      got = std::min(rest.size(), raw_.size());
      std::memcpy(rest.data(), raw_.data(), got);
      raw_ = raw_.subspan(got);
    }
    total += got;
    produced_bytes_ += got;
  }
  return total;
}

void ByteStream::begin_member(std::size_t produced) {
  const auto is_zero = [](std::byte b) { return b == std::byte{}; };
  while (refill() && is_zero(raw_[0]))
    raw_ = raw_.subspan(std::find_if_not(raw_.begin(), raw_.end(), is_zero) - raw_.begin());
  inflater_->ended = !refill();
  if (inflater_->ended) return;
  if (raw_[0] != gzip_magic[0])
    throw DataError("gzip: data behind the end; got other bytes than gzip's after " + std::to_string(produced) +
                    " uncompressed bytes in '" + name_ + "'; expected the end of the file, zeros or another member");
  inflateReset(&inflater_->zlib);
}

std::size_t ByteStream::inflate_some(std::span<std::byte> to) {
  if (!refill())
    throw DataError("gzip: compressed data ends early; got " + std::to_string(produced_bytes_) +
                    " uncompressed bytes in '" + name_ + "'; expected a complete gzip file");
  z_stream& zlib = inflater_->zlib;
  const std::size_t in = std::min(raw_.size(), max_inflate_bytes);
  const std::size_t out = std::min(to.size(), max_inflate_bytes);
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(raw_.data()));
  zlib.avail_in = static_cast<uInt>(in);
  zlib.next_out = reinterpret_cast<Bytef*>(to.data());
  zlib.avail_out = static_cast<uInt>(out);
  const int status = inflate(&zlib, Z_NO_FLUSH);
  raw_ = raw_.subspan(in - zlib.avail_in);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status == Z_STREAM_END) {
    begin_member(produced_bytes_ + out - zlib.avail_out);
  } else if (status != Z_OK) {
    throw DataError("gzip: damaged data; got '" + std::string(zlib.msg ? zlib.msg : "no progress") + "' after " +
                    std::to_string(produced_bytes_) + " uncompressed bytes in '" + name_ +
                    "'; expected a complete gzip file");
  }
  return out - zlib.avail_out;
}

}  // namespace sluice
