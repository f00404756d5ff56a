#include <sluice/data/cifar10.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <list>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/data/byte_stream.h>
#include <sluice/data/file_kind.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t record_bytes = Cifar10::record_bytes;
constexpr std::int64_t published_samples = 50'000;
constexpr const char* archive_hint = "the binary version from https://www.cs.toronto.edu/~kriz/cifar.html, unpacked";

std::size_t kept(const Cifar10Records& records) { return records.labels.size() / sizeof(std::int32_t); }

/// What a file that is not CIFAR-10's may be: by its first bytes, or by its size, of which `seen` bytes were read.
std::string kind_of_file(std::span<const std::byte> head, std::size_t seen, ByteStream& stream) {
  const std::string kind = kind_in_brackets(head, stream);
  if (!kind.empty()) return kind;
  constexpr std::size_t cifar100_record_bytes = record_bytes + 1, most = std::size_t{1} << 30;
  std::array<std::byte, record_bytes> rest;
  try {
    for (std::size_t got = 1; got > 0 && seen < most; seen += got) got = stream.read(rest);
  } catch (const DataError&) {
    return "";  // damaged further on
  }
  const bool is_cifar100 = seen % cifar100_record_bytes == 0 && seen % record_bytes != 0;
  return is_cifar100 ? " (the file's size is that of CIFAR-100, whose records of 3074 bytes have two labels)" : "";
}

/// Appends the records of a stream to `records`, which holds no more than `most` of them afterwards.
class RecordReader {
 public:
  RecordReader(Cifar10Records& records, ByteStream& stream, std::size_t most)
      : records_(records),
        stream_(stream),
        most_(most) {}

  void read() {
    std::array<std::byte, record_bytes> record{};
    for (;; ++index_, ++records_.count) {
      const std::size_t got = stream_.read(record);
      seen_ += got;
      if (index_ == 0)
        head_.assign(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(std::min(got, head_bytes)));
      if (got == 0 && index_ > 0) return;
      if (got == 0) fail("file is empty", "no data", "records of 3073 bytes, at least one");
      if (got < record_bytes)
        fail("file ends inside a record", std::to_string(got) + " bytes", "3073: the size must be a multiple of it");
      const auto label = std::to_integer<std::int32_t>(record[0]);
      if (label >= Cifar10::classes) fail("label out of range", std::to_string(label), "0 to 9");
      if (kept(records_) == most_) continue;
      const auto label_bytes = std::as_bytes(std::span(&label, 1));
      records_.labels.insert(records_.labels.end(), label_bytes.begin(), label_bytes.end());
      records_.images.insert(records_.images.end(), record.begin() + 1, record.end());
    }
  }

 private:
  static constexpr std::size_t head_bytes = 512;

  [[noreturn]] void fail(const std::string& what, const std::string& got, const std::string& expected) {
    throw DataError("cifar10: " + what + "; got " + got + " at byte " +
                    std::to_string(index_ * static_cast<std::int64_t>(record_bytes)) + " (record " +
                    std::to_string(index_) + ") in '" + stream_.name() + "'" + kind_of_file(head_, seen_, stream_) +
                    "; expected " + expected);
  }

  Cifar10Records& records_;
  ByteStream& stream_;
  std::size_t most_;
  std::vector<std::byte> head_;
  std::size_t seen_ = 0;
  std::int64_t index_ = 0;
};

Cifar10Records read_all(std::list<ByteStream>& streams, std::int64_t keep) {
  const std::size_t most = keep > 0 ? static_cast<std::size_t>(keep) : std::numeric_limits<std::size_t>::max();
  // Room for what the files can hold, so that nothing is copied; but what gzip data claims is not believed beyond what
  // was published.
  std::size_t expected = 0;
  for (const ByteStream& stream : streams) expected += std::min<std::size_t>(stream.max_bytes() / record_bytes, most);
  expected = std::min({expected, most, static_cast<std::size_t>(published_samples)});
  return host_memory_for("the images of cifar-10", expected * (Cifar10::image_bytes + sizeof(std::int32_t)), [&] {
    Cifar10Records records;
    records.images.reserve(expected * Cifar10::image_bytes);
    records.labels.reserve(expected * sizeof(std::int32_t));
    for (ByteStream& stream : streams) RecordReader(records, stream, most).read();
    records.images.shrink_to_fit();
    records.labels.shrink_to_fit();
    return records;
  });
}

/// `directory`, or cifar-10-batches-bin/ in it where that has the files.
fs::path find_files(const std::string& directory, const std::vector<std::string>& names) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw DataError("cifar10: no data; got '" + directory + "'" + kind_of_no_folder(directory) +
                    "; expected a directory with " + names.front() + " (" + archive_hint + ")");
  const fs::path inner = fs::path(directory) / "cifar-10-batches-bin";
  const bool unpacked_here = fs::is_directory(inner, error) && !fs::exists(fs::path(directory) / names.front(), error);
  fs::path found = unpacked_here ? inner : fs::path(directory);
  std::string missing;
  for (const std::string& name : names)
    if (!fs::exists(found / name, error)) missing += (missing.empty() ? "" : ", ") + name;
  if (missing.empty()) return found;
  const bool missing_all = std::none_of(names.begin(), names.end(),
                                        [&](const std::string& name) { return fs::exists(found / name, error); });
  throw DataError("cifar10: files are missing; got directory '" + found.string() + "' without " + missing +
                  "; expected " + names.front() + (names.size() > 1 ? " to " + names.back() : "") + " there (" +
                  archive_hint + ")" + (missing_all ? contents_of(found.string()) : ""));
}

std::vector<TensorDataset::Field> load_cifar10(Split split, const std::string& directory, std::int64_t limit) {
  if (limit < 0) throw UsageError("cifar10: limit; got " + std::to_string(limit) + "; expected >= 0 (0: all samples)");
  const std::vector<std::string> names = Cifar10::file_names(split);
  const fs::path found = find_files(directory, names);
  std::list<ByteStream> streams;  // a stream cannot move
  for (const std::string& name : names) streams.emplace_back((found / name).string());
  Cifar10Records records = read_all(streams, limit);
  std::vector<TensorDataset::Field> fields;
  fields.emplace_back(
      FieldSpec{"image", Shape{3, 32, 32}, DType::u8, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}},
      std::move(records.images));
  fields.emplace_back(FieldSpec{"label", Shape{}, DType::i32}, std::move(records.labels));
  return fields;
}

}  // namespace

Cifar10::Cifar10(Split split, const std::string& directory, std::int64_t limit)
    : TensorDataset(split == Split::train ? "cifar-10 train" : "cifar-10 test", load_cifar10(split, directory, limit)) {
}

std::string Cifar10::default_directory() {
  const char* directory = std::getenv("SLUICE_DATA");
  return directory && *directory ? directory : "/usr/share/datasets/cifar-10";
}

std::vector<std::string> Cifar10::file_names(Split split) {
  if (split == Split::test) return {"test_batch.bin"};
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
}

Cifar10Records parse_cifar10(std::span<const std::byte> bytes, const std::string& name, std::int64_t keep) {
  std::list<ByteStream> streams;
  streams.emplace_back(bytes, name);
  return read_all(streams, keep);
}

}  // namespace sluice
