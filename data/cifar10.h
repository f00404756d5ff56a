#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sluice/data/tensor_dataset.h>

namespace sluice {

/// CIFAR-10 (Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"): 50 000 + 10 000 colour images
/// in 10 classes, from the files of its binary version, https://www.cs.toronto.edu/~kriz/cifar.html. Fields: "image" u8
/// [3,32,32], normalised by mean 0.4914, 0.4822, 0.4465 and std 0.2470, 0.2435, 0.2616; "label" i32 [], 0 to 9.
class Cifar10 final : public TensorDataset {
 public:
  static constexpr int classes = 10;
  static constexpr std::size_t image_bytes = std::size_t{3} * 32 * 32;
  static constexpr std::size_t record_bytes = 1 + image_bytes;

  /// Holds the first `limit` samples of `split` in host memory; 0: all. The files data_batch_1.bin to data_batch_5.bin,
  /// or test_batch.bin, lie in `directory` or in cifar-10-batches-bin/ in it. All five must be there, so that training
  /// never uses half an archive; each may hold any number of records, and all are checked whatever the limit.
  /// Throws DataError, naming the file: directory or file missing, or as parse_cifar10. Throws UsageError for a
  /// negative limit.
  explicit Cifar10(Split split, const std::string& directory = default_directory(), std::int64_t limit = 0);

  /// $SLUICE_DATA when it is set, otherwise /usr/share/datasets/cifar-10.
  static std::string default_directory();
  /// Names of the files that hold `split`, in their order.
  static std::vector<std::string> file_names(Split split);
};

/// The records of a CIFAR-10 file.
struct Cifar10Records {
  std::int64_t count = 0;         ///< records in the file, of which parse_cifar10() may return fewer
  std::vector<std::byte> images;  ///< u8 [n,3,32,32]
  std::vector<std::byte> labels;  ///< i32 [n]
};

/// Reads the contents of a CIFAR-10 file, plain or gzip: records of one byte of label and 3072 of image, red, green,
/// blue, row-major. Returns the first `keep` records; 0: all. `name` stands for the path in messages. Throws DataError
/// with the position of the problem: no record, a part of a record at the end, a label above 9, damaged gzip data.
Cifar10Records parse_cifar10(std::span<const std::byte> bytes, const std::string& name, std::int64_t keep = 0);

}  // namespace sluice
