#pragma once

#include <cstdint>
#include <string>

#include <sluice/data/tensor_dataset.h>

namespace sluice {

/// Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 60 000 + 10 000 grey images of clothes in 10
/// classes, from the IDX files of the Debian package dataset-fashion-mnist (gzip or plain). Fields:
/// "image" u8 [1,28,28], normalised by mean 0.2860 and std 0.3530; "label" i32 [], 0 to 9.
class FashionMnist final : public TensorDataset {
 public:
  static constexpr int classes = 10;

  /// Holds the first `limit` samples of `split` in host memory; 0: all. Throws DataError, naming
  /// the file: directory or file missing, bad IDX data (see read_idx), images that are not 28x28,
  /// counts that differ, a label above 9. Throws UsageError for a negative limit.
  explicit FashionMnist(Split split, const std::string& directory = default_directory(), std::int64_t limit = 0);

  /// $SLUICE_DATA when it is set, otherwise where the Debian package puts the files.
  static std::string default_directory();
};

}  // namespace sluice
