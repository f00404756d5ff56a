#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/shape.h>

namespace sluice {

/// One field of a sample: what a step's Batch offers by this name.
struct FieldSpec {
  std::string name;
  Shape shape;  ///< per sample, without N
  DType dtype = DType::f32;
  /// For u8 images [C,H,W]: the step sees f32 (x/255 − mean[c]) / std[c], computed on the device. Empty: the field as
  /// it is.
  std::vector<double> mean = {}, std = {};

  std::size_t sample_bytes() const { return static_cast<std::size_t>(shape.elements()) * size_bytes(dtype); }
};

/// What planning needs of a data set; no data.
struct DataSpec {
  std::string name;
  std::int64_t samples = 0;
  std::vector<FieldSpec> fields;
};

/// The two parts of a published data set.
enum class Split : std::uint8_t { train, test };

/// Samples by index. read() is called from the loader's thread while nobody else uses the data set.
class Dataset {
 public:
  Dataset() = default;
  Dataset(const Dataset&) {}
  Dataset& operator=(const Dataset&) {
    id_ = next_id();
    return *this;
  }
  virtual ~Dataset() = default;

  /// Another number for every data set of this process: what was read ahead from one is not taken for another's.
  std::uint64_t id() const { return id_; }

  virtual const DataSpec& spec() const = 0;
  /// Writes field `field` of sample `index` (0 <= index < spec().samples) to `to`: spec().fields[field].sample_bytes()
  /// bytes. Must be deterministic and must not allocate. Throws DataError.
  virtual void read(std::int64_t index, std::size_t field, void* to) const = 0;
  /// Host memory the data set holds, for the memory report.
  virtual std::size_t host_bytes() const { return 0; }

 private:
  static std::uint64_t next_id();

  std::uint64_t id_ = next_id();
};

}  // namespace sluice
