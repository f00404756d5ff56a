#include <sluice/data/tensor_dataset.h>

#include <cstring>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

[[noreturn]] void fail(const std::string& dataset, const std::string& text) {
  throw DataError("dataset '" + dataset + "': " + text);
}

void check_normalisation(const std::string& dataset, const FieldSpec& spec) {
  if (spec.mean.empty() && spec.std.empty()) return;
  const std::string got = "field '" + spec.name + "' is " + std::string(name(spec.dtype)) + " " + spec.shape.str() +
                          " with " + std::to_string(spec.mean.size()) + " means and " +
                          std::to_string(spec.std.size()) + " stds";
  if (spec.dtype != DType::u8 || spec.shape.rank() != 3)
    fail(dataset, "only images are normalised; got " + got + "; expected u8 [C,H,W]");
  const auto channels = static_cast<std::size_t>(spec.shape[0]);
  if (spec.mean.size() != channels || spec.std.size() != channels)
    fail(dataset, "normalisation does not match the channels; got " + got + "; expected one of each a channel");
  for (const double value : spec.std)
    if (!(value > 0)) fail(dataset, "std of field '" + spec.name + "'; got " + number_text(value) + "; expected > 0");
}

/// Samples in `field`; throws unless it is a whole number, at least 1.
std::int64_t count_samples(const std::string& dataset, const TensorDataset::Field& field) {
  const std::size_t sample_bytes = field.spec.sample_bytes();
  if (field.values.empty() || field.values.size() % sample_bytes != 0)
    fail(dataset, "field '" + field.spec.name + "' is not a whole number of samples; got " +
                      std::to_string(field.values.size()) + " bytes; expected a multiple of " +
                      std::to_string(sample_bytes) + ", at least one");
  return static_cast<std::int64_t>(field.values.size() / sample_bytes);
}

FieldSpec spec_of(std::string name, const Tensor& values, std::vector<double> mean, std::vector<double> std) {
  if (values.shape().rank() == 0)
    throw DataError("dataset: field '" + name + "' has no samples; got shape []; expected [samples, ...]");
  return {std::move(name), values.shape().without_leading(), values.dtype(), std::move(mean), std::move(std)};
}

std::vector<std::byte> bytes_of(const Tensor& values, const std::string& name) {
  const auto* first = static_cast<const std::byte*>(values.data());
  return host_memory_for("a copy of field '" + name + "'", values.bytes(),
                         [&] { return std::vector<std::byte>(first, first + values.bytes()); });
}

}  // namespace

TensorDataset::Field::Field(std::string name, const Tensor& tensor, std::vector<double> mean, std::vector<double> std)
    : Field(spec_of(name, tensor, std::move(mean), std::move(std)), bytes_of(tensor, name)) {}

TensorDataset::Field::Field(FieldSpec field_spec, std::vector<std::byte> bytes)
    : spec(std::move(field_spec)),
      values(std::move(bytes)) {}

TensorDataset::TensorDataset(std::string name, std::vector<Field> fields) {
  spec_.name = std::move(name);
  if (fields.empty()) fail(spec_.name, "no fields; expected at least one");
  for (Field& field : fields) {
    const std::int64_t samples = count_samples(spec_.name, field);
    if (spec_.fields.empty()) spec_.samples = samples;
    for (const FieldSpec& earlier : spec_.fields)
      if (earlier.name == field.spec.name) fail(spec_.name, "two fields are called '" + earlier.name + "'");
    if (samples != spec_.samples)
      fail(spec_.name, "fields differ in length; got " + counted(spec_.samples, "sample") + " of '" +
                           spec_.fields[0].name + "' and " + std::to_string(samples) + " of '" + field.spec.name +
                           "'; expected equal numbers");
    check_normalisation(spec_.name, field.spec);
    spec_.fields.push_back(std::move(field.spec));
    values_.push_back(std::move(field.values));
  }
}

void TensorDataset::read(std::int64_t index, std::size_t field, void* to) const {
  if (index < 0 || index >= spec_.samples || field >= values_.size())
    fail(spec_.name, "no such sample; got index " + std::to_string(index) + ", field " + std::to_string(field) +
                         "; expected " + counted(spec_.samples, "sample") + " of " + counted(values_.size(), "field"));
  const std::size_t sample_bytes = values_[field].size() / static_cast<std::size_t>(spec_.samples);
  std::memcpy(to, values_[field].data() + static_cast<std::size_t>(index) * sample_bytes, sample_bytes);
}

std::size_t TensorDataset::host_bytes() const {
  std::size_t total = 0;
  for (const std::vector<std::byte>& values : values_) total += values.capacity();
  return total;
}

}  // namespace sluice
