#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/tensor.h>

namespace sluice {

// The safetensors format, which PyTorch's tools read and write: eight bytes with the length of a JSON header
// (little-endian), the header (names, dtypes, shapes and places of tensors; metadata as pairs of texts), and the
// elements, row-major and little-endian, without gaps.

/// A tensor in a file.
struct StoredTensor {
  std::string dtype;                     ///< as the format spells it: "F32", "F16", "I64"
  std::vector<std::int64_t> shape = {};  ///< empty: a scalar; an extent may be 0
  std::span<const std::byte> data = {};  ///< in the mapped file, at any address
};

/// An open safetensors file. Its data is mapped, and read when it is asked for.
class SafetensorsFile {
 public:
  /// Checks the whole header. Throws DataError, which names the file and what is wrong, for anything but a valid file:
  /// one that cannot be read, is no regular file, is cut off or longer than its header says, or has a header that is no
  /// JSON, has two tensors of one name, or places tensors outside the file, over each other or with a size that is not
  /// that of dtype and shape.
  explicit SafetensorsFile(const std::string& path);
  /// The same of bytes in memory, which must outlive the object; `name` is what errors call them.
  SafetensorsFile(std::span<const std::byte> bytes, std::string name);

  const std::string& path() const { return path_; }
  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// The tensor of this name, converted to `dtype`. Reads F64, F32, F16, BF16, I64, I32 and U8. Throws DataError when
  /// there is none, for another dtype, for a tensor that Shape cannot hold (no elements, too many dimensions), and for
  /// an integer that `dtype` cannot hold.
  Tensor read(const std::string& name, DType dtype) const;

 private:
  void parse(std::span<const std::byte> bytes);

  std::string path_;
  std::shared_ptr<const void> mapping_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// "[64,3,7,7]"
std::string shape_text(std::span<const std::int64_t> shape);

/// A tensor for a file; `read` is called when its turn has come, so that only one tensor is in memory twice.
struct TensorToStore {
  std::string name;
  DType dtype = DType::f32;
  Shape shape = {};
  std::function<Tensor()> read = {};
};

/// Writes `tensors`, all of them or nothing: to a temporary file in the same folder, which replaces `path` when it is
/// on the disk. Throws UsageError for two tensors of one name, and Error when the file cannot be written.
void write_safetensors(const std::string& path, std::span<const TensorToStore> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace sluice
