#include <sluice/data/file_kind.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/data/byte_stream.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t head_bytes = 512;  // a tar archive's header

struct Beginning {
  std::string_view bytes;
  const char* kind;
  std::size_t at = 0;
};
constexpr Beginning beginnings[] = {
    {"\x1f\x8b", "gzip data, compressed twice"},
    {"ustar", "a tar archive, which must be unpacked", 257},
    {"PK\x03\x04", "a zip archive, which must be unpacked"},
    {"BZh", "bzip2 data, which must be unpacked"},
    {"\xfd\x37zXZ", "xz data, which must be unpacked"},
    {"\x80\x02", "a Python pickle"},
    {"\x80\x03", "a Python pickle"},
    {"\x80\x04", "a Python pickle"},
    {"\x80\x05", "a Python pickle"},
    {"\x93NUMPY", "a NumPy array"},
    {"\x89HDF", "an HDF5 file"},
    {"\x89PNG", "a PNG image"},
    {"\xff\xd8\xff", "a JPEG image"},
    {"MATLAB ", "a MATLAB file"},
    {"PAR1", "a Parquet file"},
    {"version https://git-lfs", "a pointer of Git LFS; the file itself was not fetched"},
    {"<!DOCTYPE", "a web page"},
    {"<!doctype", "a web page"},
    {"<html", "a web page"},
    {"<?xml", "XML"},
};

/// Elements of an IDX file by the third byte; "" for none.
std::string_view idx_elements(unsigned type) {
  switch (type) {
    case 0x08: return "u8";
    case 0x09: return "i8";
    case 0x0b: return "i16";
    case 0x0c: return "i32";
    case 0x0d: return "f32";
    case 0x0e: return "f64";
    default: return "";
  }
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; });
}

struct KnownName {
  std::string_view part;  ///< of the name, from its beginning
  const char* kind;
  bool whole = false;  ///< it is all of the name
};
constexpr KnownName known_names[] = {
    {"cifar-100", "CIFAR-100"},
    {"fine_label_names.txt", "CIFAR-100's binary version", true},
    {"data_batch_1.bin", "CIFAR-10's binary version", true},
    {"data_batch_1.mat", "CIFAR-10's MATLAB version", true},
    {"data_batch_1", "CIFAR-10's Python version", true},
    {"cifar-10-batches-py", "CIFAR-10's Python version"},
    {"cifar-10-batches-mat", "CIFAR-10's MATLAB version"},
    {"cifar-10-binary.tar.gz", "CIFAR-10's archive, which must be unpacked", true},
    {"cifar-10-python.tar.gz", "CIFAR-10's Python version", true},
    {"emnist-", "EMNIST"},
    {"train-images", "MNIST's or Fashion-MNIST's training images"},
    {"t10k-images", "MNIST's or Fashion-MNIST's test images"},
};

}  // namespace

std::string kind_of(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const Beginning& beginning : beginnings)
    if (text.size() > beginning.at && text.substr(beginning.at).starts_with(beginning.bytes)) return beginning.kind;
  if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && text[3] >= 1 && text[3] <= 4)
    if (const std::string_view elements = idx_elements(static_cast<unsigned char>(text[2])); !elements.empty())
      return "IDX data, " + std::string(elements) + " of rank " + std::to_string(static_cast<int>(text[3]));
  return text.size() >= 4 && is_text(text) ? "text" : "";
}

std::string kind_in_brackets(std::span<const std::byte> head, ByteStream& stream) {
  std::vector<std::byte> bytes(head.begin(), head.end());
  if (bytes.size() < head_bytes) try {
      const std::size_t had = bytes.size();
      bytes.resize(head_bytes);
      bytes.resize(had + stream.read(std::span(bytes).subspan(had)));
    } catch (const DataError&) {
      bytes.resize(head.size());  // damaged further on
    }
  const std::string kind = kind_of(bytes);
  return kind.empty() ? "" : " (" + kind + ")";
}

std::string kind_of_no_folder(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return fs::exists(path, error) ? "" : " (there is no such folder)";
  try {
    ByteStream stream(path);
    const std::string kind = kind_in_brackets({}, stream);
    return kind.empty() ? " (a file)" : kind;
  } catch (const DataError&) {
    return " (a file)";
  }
}

std::string contents_of(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (names.empty()) return error ? "" : "; it is empty";
  std::sort(names.begin(), names.end());
  for (const KnownName& known : known_names)
    for (const std::string& name : names)
      if (known.whole ? name == known.part : name.starts_with(known.part))
        return "; it has '" + name + "' (" + known.kind + ")";
  constexpr std::size_t shown = 3;
  std::string text = "; it has";
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i ? ", '" : " '") + names[i] + "'";
  return names.size() > shown ? text + " and " + std::to_string(names.size() - shown) + " more" : text;
}

}  // namespace sluice
