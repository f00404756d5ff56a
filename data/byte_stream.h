#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Reads the bytes of a file, or of a block of memory, from start to end. Bytes that begin with
/// gzip's magic (RFC 1952) come out uncompressed and their checksum is verified; all others come
/// out as they are. A gzip file may have several members, empty ones too, and zeros behind each, as
/// tapes leave them; other bytes behind the last one are an error.
class ByteStream {
 public:
  /// Opens `path`. Throws DataError when it is missing, unreadable or not a regular file.
  explicit ByteStream(const std::string& path);
  /// Reads `memory`, which must outlive the stream; `name` stands for the path in messages.
  ByteStream(std::span<const std::byte> memory, std::string name);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Fills `to` and returns its size, or less where the data ends. Throws DataError for damaged or
  /// truncated gzip data, and when the file cannot be read.
  std::size_t read(std::span<std::byte> to);

  /// The most bytes that can come out in total: what a claim about the contents can be checked
  /// against beforehand.
  std::size_t max_bytes() const;
  const std::string& name() const { return name_; }

 private:
  struct Inflater;
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void detect_gzip();
  bool refill();                            // makes raw_ non-empty, or returns false at the end
  void begin_member(std::size_t produced);  // behind the end of one: on to the next, or the end
  std::size_t inflate_some(std::span<std::byte> to);

  std::string name_;
  std::size_t raw_bytes_ = 0;  // size of the file or the memory
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> raw_;  // read from the file, not yet consumed
  std::unique_ptr<Inflater> inflater_;
  std::size_t produced_bytes_ = 0;
};

}  // namespace sluice
