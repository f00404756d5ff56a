#include <sluice/core/safetensors.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <sluice/core/error.h>
#include <sluice/core/file_descriptor.h>
#include <sluice/core/write_file.h>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format's numbers are little-endian, and are copied as they are");

constexpr std::size_t length_bytes = 8;
constexpr std::size_t most_header_bytes = 100'000'000;  // the format's own limit
constexpr const char* metadata_key = "__metadata__";

/// Bytes of an element; empty: the format has no such dtype.
std::optional<std::size_t> element_bytes(std::string_view dtype) {
  static const std::map<std::string_view, std::size_t> sizes{
      {"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},     {"U32", 4},     {"F16", 2}, {"BF16", 2},
      {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"BOOL", 1}};
  const auto entry = sizes.find(dtype);
  return entry == sizes.end() ? std::nullopt : std::optional(entry->second);
}

std::string_view stored_name(DType dtype) {
  switch (dtype) {
    case DType::f64: return "F64";
    case DType::f32: return "F32";
    case DType::bf16: return "BF16";
    case DType::i32: return "I32";
    case DType::u8: return "U8";
    case DType::bit: break;
  }
  throw UsageError("safetensors: a tensor of bits cannot be stored; expected f32, f64, bf16, i32 or u8");
}

/// What the header says of a tensor.
struct Entry {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::uint64_t> offsets;
  std::set<std::string> fields;  ///< that were there
};

/// Follows the JSON of a header: an object of objects. Throws DataError where it is another one.
class HeaderReader {
 public:
  using Json = nlohmann::json;

  std::vector<std::pair<std::string, Entry>> entries;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) {
    if (depth_ == 1 && in_metadata_) return ++depth_;
    if (depth_ == 1) entries.emplace_back(key_, Entry{});
    if (depth_ > 1 || in_array_) unexpected("an object");
    ++depth_;
    return true;
  }
  bool end_object() {
    if (depth_ == 2 && !in_metadata_) require_fields(entries.back());
    --depth_;
    return true;
  }
  bool key(std::string& text) {
    if (depth_ == 1) {
      if (!names_.insert(text).second) throw DataError("its header names '" + text + "' twice");
      in_metadata_ = text == metadata_key;
    } else if (in_metadata_) {
      if (metadata.contains(text)) throw DataError("its metadata has '" + text + "' twice");
    } else if (!entries.back().second.fields.insert(text).second) {
      throw DataError("tensor '" + entries.back().first + "' has '" + text + "' twice");
    }
    key_ = std::move(text);
    return true;
  }
  bool start_array(std::size_t) {
    if (depth_ != 2 || in_metadata_ || in_array_ || (key_ != "shape" && key_ != "data_offsets")) unexpected("a list");
    return in_array_ = true;
  }
  bool end_array() {
    in_array_ = false;
    return true;
  }
  bool string(std::string& text) {
    if (depth_ == 2 && in_metadata_)
      metadata.emplace(key_, std::move(text));
    else if (depth_ == 2 && !in_array_ && key_ == "dtype")
      entries.back().second.dtype = std::move(text);
    else
      unexpected("a text");
    return true;
  }
  bool number_unsigned(std::uint64_t number) {
    if (!in_array_) unexpected("a number");
    if (key_ == "data_offsets") {
      entries.back().second.offsets.push_back(number);
      return true;
    }
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      unexpected("a number above 2^63");
    entries.back().second.shape.push_back(static_cast<std::int64_t>(number));
    return true;
  }
  bool number_integer(std::int64_t) { unexpected("a negative number"); }
  bool number_float(double, const std::string&) { unexpected("a fraction"); }
  bool boolean(bool) { unexpected("true or false"); }
  bool null() { unexpected("null"); }
  bool binary(Json::binary_t&) { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    throw DataError("its header is no JSON at byte " + std::to_string(length_bytes + position));
  }

 private:
  [[noreturn]] void unexpected(const std::string& what) const {
    if (depth_ == 0) throw DataError("its header is " + what + "; expected an object of tensors");
    throw DataError("its header has " + what + " at '" + key_ +
                    "'; expected {\"dtype\": text, \"shape\": [...], \"data_offsets\": [begin, end]} of each tensor");
  }
  static void require_fields(const std::pair<std::string, Entry>& entry) {
    for (const char* const field : {"dtype", "shape", "data_offsets"})
      if (!entry.second.fields.contains(field)) throw DataError("tensor '" + entry.first + "' has no " + field);
    if (entry.second.offsets.size() != 2)
      throw DataError("tensor '" + entry.first + "' has " + std::to_string(entry.second.offsets.size()) +
                      " data_offsets; expected 2");
  }

  int depth_ = 0;
  bool in_array_ = false, in_metadata_ = false;
  std::string key_;
  std::set<std::string> names_;
};

/// Of `dtype` and `shape`. Throws DataError for an unknown dtype and for sizes past 64 bits.
std::size_t bytes_of_entry(const std::string& name, const Entry& entry) {
  const std::optional<std::size_t> element = element_bytes(entry.dtype);
  if (!element)
    throw DataError("tensor '" + name + "' has dtype '" + entry.dtype + "', which the format does not know");
  std::size_t bytes = *element;
  const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end();
  if (empty) return 0;
  for (const std::int64_t extent : entry.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(extent), &bytes))
      throw DataError("tensor '" + name + "' has the shape " + shape_text(entry.shape) + ", which is too large");
  return bytes;
}

/// Throws DataError unless the tensors fill the data, one behind the other.
void check_places(std::vector<const std::pair<std::string, Entry>*> entries, std::size_t data_bytes) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.offsets[0], a->second.offsets[1]) <
           std::pair(b->second.offsets[0], b->second.offsets[1]);
  });
  std::uint64_t end_before = 0;
  const std::string* before = nullptr;
  for (const auto* const entry : entries) {
    const auto& [name, e] = *entry;
    const std::uint64_t begin = e.offsets[0], end = e.offsets[1];
    const std::string place =
        "tensor '" + name + "' lies at [" + std::to_string(begin) + ", " + std::to_string(end) + ")";
    if (end < begin) throw DataError(place + ", which ends before it begins");
    if (end > data_bytes)
      throw DataError(place + "; the file has " + std::to_string(data_bytes) +
                      " bytes of data: it is cut off or wrong");
    if (const std::size_t bytes = bytes_of_entry(name, e); end - begin != bytes)
      throw DataError(place + "; " + e.dtype + " " + shape_text(e.shape) + " takes " + std::to_string(bytes) +
                      " bytes");
    if (begin < end_before) throw DataError(place + ", over tensor '" + *before + "'");
    if (begin > end_before) throw DataError(place + ", behind a gap that begins at " + std::to_string(end_before));
    end_before = end;
    before = &name;
  }
  if (end_before != data_bytes)
    throw DataError("its tensors end at byte " + std::to_string(end_before) + " of its data, which has " +
                    std::to_string(data_bytes));
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  if (exponent == 31)
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

double from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Fills `to` with `count` elements, each read by `element(i)`.
template <class Element>
void fill(Tensor& to, const Element& element) {
  const auto into = [&]<class T>(std::span<T> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = element(i);
      if constexpr (std::is_integral_v<T>) {
        if (!(value >= static_cast<decltype(value)>(std::numeric_limits<T>::min()) &&
              value <= static_cast<decltype(value)>(std::numeric_limits<T>::max())))
          throw DataError("element " + std::to_string(i) + " is " + std::to_string(value) + ", which does not fit " +
                          std::string(name(to.dtype())));
      }
      values[i] = static_cast<T>(value);
    }
  };
  switch (to.dtype()) {
    case DType::f32: return into(to.values<float>());
    case DType::f64: return into(to.values<double>());
    case DType::i32: return into(to.values<std::int32_t>());
    case DType::u8: return into(to.values<std::uint8_t>());
    case DType::bf16:
    case DType::bit: break;
  }
  throw DataError("a " + std::string(name(to.dtype())) + " tensor cannot be read from a file");
}

}  // namespace

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + "]";
}

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  try {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (fstat(file.get(), &status) != 0) throw_system_error(errno);
    if (!S_ISREG(status.st_mode)) throw DataError("it is no regular file");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size < length_bytes)
      throw DataError("it has " + std::to_string(size) + " bytes; a safetensors file has 8 or more");
    void* const address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) throw_system_error(errno);
    mapping_ = std::shared_ptr<const void>(address, [size](const void* a) { munmap(const_cast<void*>(a), size); });
    parse({static_cast<const std::byte*>(address), size});
  } catch (const Error& error) {
    throw DataError("cannot read '" + path_ + "': " + error.what());
  }
}

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, std::string name) : path_(std::move(name)) {
  try {
    parse(bytes);
  } catch (const Error& error) {
    throw DataError("cannot read '" + path_ + "': " + error.what());
  }
}

void SafetensorsFile::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < length_bytes)
    throw DataError("it has " + std::to_string(bytes.size()) + " bytes; a safetensors file has 8 or more");
  const auto header_bytes = load<std::uint64_t>(bytes.data());
  const std::size_t rest = bytes.size() - length_bytes;
  if (header_bytes > rest || header_bytes > most_header_bytes)
    throw DataError("its header would have " + std::to_string(header_bytes) + " bytes; got " + std::to_string(rest) +
                    " bytes behind its length, expected a header of at most " + std::to_string(most_header_bytes));
  const char* const text = reinterpret_cast<const char*>(bytes.data() + length_bytes);
  HeaderReader reader;
  nlohmann::json::sax_parse(text, text + header_bytes, &reader);
  const std::span<const std::byte> data = bytes.subspan(length_bytes + header_bytes);
  std::vector<const std::pair<std::string, Entry>*> entries;
  for (const auto& entry : reader.entries) entries.push_back(&entry);
  check_places(std::move(entries), data.size());
  for (auto& [name, entry] : reader.entries)
    tensors_.emplace(name, StoredTensor{.dtype = std::move(entry.dtype),
                                        .shape = std::move(entry.shape),
                                        .data = data.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0])});
  metadata_ = std::move(reader.metadata);
}

Tensor SafetensorsFile::read(const std::string& name, DType dtype) const try {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw DataError("there is no such tensor");
  const StoredTensor& stored = found->second;
  Tensor tensor(Shape(std::span(stored.shape)), dtype);
  const std::byte* const data = stored.data.data();
  if (stored.dtype == stored_name(dtype))
    std::memcpy(tensor.data(), data, tensor.bytes());
  else if (stored.dtype == "F64")
    fill(tensor, [&](std::size_t i) { return load<double>(data + 8 * i); });
  else if (stored.dtype == "F32")
    fill(tensor, [&](std::size_t i) { return load<float>(data + 4 * i); });
  else if (stored.dtype == "F16")
    fill(tensor, [&](std::size_t i) { return from_half(load<std::uint16_t>(data + 2 * i)); });
  else if (stored.dtype == "BF16")
    fill(tensor, [&](std::size_t i) { return from_bfloat(load<std::uint16_t>(data + 2 * i)); });
  else if (stored.dtype == "I64")
    fill(tensor, [&](std::size_t i) { return load<std::int64_t>(data + 8 * i); });
  else if (stored.dtype == "I32")
    fill(tensor, [&](std::size_t i) { return std::int64_t{load<std::int32_t>(data + 4 * i)}; });
  else if (stored.dtype == "U8")
    fill(tensor, [&](std::size_t i) { return std::int64_t{load<std::uint8_t>(data + i)}; });
  else
    throw DataError("its dtype is " + stored.dtype + "; expected F64, F32, F16, BF16, I64, I32 or U8");
  return tensor;
} catch (const Error& error) {
  throw DataError("cannot read tensor '" + name + "' of '" + path_ + "': " + error.what());
}

void write_safetensors(const std::string& path, std::span<const TensorToStore> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorToStore*> order;
  for (const TensorToStore& tensor : tensors) order.push_back(&tensor);
  // The largest elements first: then each is aligned, as the data begins at a multiple of 8.
  std::stable_sort(order.begin(), order.end(), [](const TensorToStore* a, const TensorToStore* b) {
    return std::pair(size_bytes(b->dtype), std::string_view(a->name)) <
           std::pair(size_bytes(a->dtype), std::string_view(b->name));
  });
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  std::size_t end = 0;
  for (const TensorToStore* const tensor : order) {
    if (tensor->name == metadata_key || header.contains(tensor->name))
      throw UsageError("cannot write '" + path + "': two tensors are called '" + tensor->name + "'");
    const std::size_t begin = end;
    end += bytes_of(tensor->dtype, tensor->shape.elements());
    header[tensor->name] = {
        {"dtype", stored_name(tensor->dtype)}, {"shape", tensor->shape.dims()}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string front(length_bytes, '\0');
  std::memcpy(front.data(), &length, length_bytes);
  front += text;
  write_whole(path, {.bytes = front.size() + end, .write = [&](const ByteSink& sink) {
                       sink(front);
                       for (const TensorToStore* const tensor : order) {
                         const Tensor value = tensor->read();
                         if (value.shape() != tensor->shape || value.dtype() != tensor->dtype)
                           throw UsageError("tensor '" + tensor->name + "' is " + std::string(name(value.dtype())) +
                                            value.shape().str() + "; expected " + std::string(name(tensor->dtype)) +
                                            tensor->shape.str());
                         sink({static_cast<const char*>(value.data()), value.bytes()});
                       }
                     }});
}

}  // namespace sluice
