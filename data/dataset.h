#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/shape.h>

namespace sluice {

/// A field of a sample, which the Batch of a step function has by this name.
struct FieldSpec {
  std::string name;
  Shape shape;  ///< per sample, without N
  DType dtype = DType::f32;
  /// For u8 images [C,H,W]: the step gets f32 (x/255 − mean[c]) / std[c], computed on the device. Empty: the field
  /// unchanged.
  std::vector<double> mean = {}, std = {};

  std::size_t sample_bytes() const { return static_cast<std::size_t>(shape.elements()) * size_bytes(dtype); }
};

/// The description of a data set that planning needs, without data.
struct DataSpec {
  std::string name;
  std::int64_t samples = 0;
  std::vector<FieldSpec> fields;
};

/// The two parts of a published data set.
enum class Split : std::uint8_t { train, test };

/// Samples by index. The loader's thread calls read() while no other thread uses the data set.
class Dataset {
 public:
  Dataset() = default;
  Dataset(const Dataset&) {}
  Dataset& operator=(const Dataset&) {
    id_ = next_id();
    return *this;
  }
  virtual ~Dataset() = default;

  /// A number that is unique in this process. It shows whether data that was read ahead belongs to this data set.
  std::uint64_t id() const { return id_; }

  virtual const DataSpec& spec() const = 0;
  /// Writes field `field` of sample `index` (0 <= index < spec().samples) to `to`: spec().fields[field].sample_bytes()
  /// bytes. Must be deterministic and must not allocate. Throws DataError.
  virtual void read(std::int64_t index, std::size_t field, void* to) const = 0;
  /// Bytes of host memory of the data set, for the memory report.
  virtual std::size_t host_bytes() const { return 0; }

 private:
  static std::uint64_t next_id();

  std::uint64_t id_ = next_id();
};

}  // namespace sluice
