#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/core/tensor.h>
#include <sluice/data/dataset.h>

namespace sluice {

/// Samples held in host memory, one array a field:
///
///   TensorDataset data("toy", {{"image", images}, {"label", labels}});  // [n,3,32,32] and [n]
class TensorDataset : public Dataset {
 public:
  /// One field of all samples.
  struct Field {
    /// `values`: [samples, ...], copied. `mean` and `std`, one value a channel, only for u8 images:
    /// see FieldSpec.
    Field(std::string name, const Tensor& values, std::vector<double> mean = {}, std::vector<double> std = {});
    /// `values`: `spec.shape` for each sample, one after the other, row-major.
    Field(FieldSpec spec, std::vector<std::byte> values);

    FieldSpec spec;
    std::vector<std::byte> values;
  };

  /// Throws DataError, naming the field, unless there is a field and a sample, names differ, every
  /// field holds the same number of samples, and mean and std (when given) belong to a u8 image
  /// [C,H,W], have C values each and std is positive.
  TensorDataset(std::string name, std::vector<Field> fields);

  const DataSpec& spec() const override { return spec_; }
  void read(std::int64_t index, std::size_t field, void* to) const override;
  std::size_t host_bytes() const override;

 private:
  DataSpec spec_;
  std::vector<std::vector<std::byte>> values_;  // by field
};

}  // namespace sluice
