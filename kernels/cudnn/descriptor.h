#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cudnn.h>

namespace sluice::cudnn {

/// "CUDNN_STATUS_NOT_SUPPORTED_SHAPE: ...", with what cuDNN says about the last call.
std::string text(cudnnStatus_t status);

/// Throws BackendError unless `status`, the result of `call`, is success.
void check(cudnnStatus_t status, const char* call, std::string_view file = __builtin_FILE(),
           int line = __builtin_LINE());

/// How cuDNN names the type of an attribute.
template <class T>
inline constexpr cudnnBackendAttributeType_t attribute_type = CUDNN_TYPE_BACKEND_DESCRIPTOR;
template <>
inline constexpr auto attribute_type<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto attribute_type<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto attribute_type<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr auto attribute_type<std::int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto attribute_type<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto attribute_type<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto attribute_type<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr auto attribute_type<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto attribute_type<double> = CUDNN_TYPE_DOUBLE;
template <>
inline constexpr auto attribute_type<cudnnNanPropagation_t> = CUDNN_TYPE_NAN_PROPOGATION;  // spelt so
template <>
inline constexpr auto attribute_type<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr auto attribute_type<cudnnBackendKnobType_t> = CUDNN_TYPE_KNOB_TYPE;
template <>
inline constexpr auto attribute_type<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;

/// An object of cuDNN's backend API (cuDNN API reference, "Graph API"): attributes are set, it is finalised, and then
/// they can be read. Those it is made of must outlive it. Move-only; destroys it.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor();

  template <class T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set_raw(name, attribute_type<T>, 1, &value);
  }
  template <class T>
  void set_all(cudnnBackendAttributeName_t name, std::span<const T> values) {
    set_raw(name, attribute_type<T>, static_cast<std::int64_t>(values.size()), values.data());
  }
  void set_all(cudnnBackendAttributeName_t name, std::initializer_list<std::int64_t> values) {
    set_all(name, std::span(values.begin(), values.size()));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) { set(name, value.descriptor_); }
  void set_all(cudnnBackendAttributeName_t name, std::span<const Descriptor* const> values);
  void set_all(cudnnBackendAttributeName_t name, std::span<const Descriptor> values);
  void set_pointers(cudnnBackendAttributeName_t name, std::span<void* const> values) {
    set_raw(name, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(values.size()), values.data());
  }

  void finalize();
  /// For what cuDNN may refuse.
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(descriptor_); }

  template <class T>
  T get(cudnnBackendAttributeName_t name) const {
    T value{};
    get_raw(name, attribute_type<T>, 1, &value);
    return value;
  }
  /// Nothing where this cuDNN does not tell.
  template <class T>
  std::optional<T> find(cudnnBackendAttributeName_t name) const {
    T value{};
    std::int64_t count = 0;
    const cudnnStatus_t status = cudnnBackendGetAttribute(descriptor_, name, attribute_type<T>, 1, &count, &value);
    return status == CUDNN_STATUS_SUCCESS && count == 1 ? std::optional(value) : std::nullopt;
  }
  // Not every attribute tells beforehand how many there are: `most` is what there can be.
  template <class T>
  std::vector<T> get_all(cudnnBackendAttributeName_t name, std::int64_t most) const {
    std::vector<T> values(static_cast<std::size_t>(most));
    values.resize(static_cast<std::size_t>(get_raw(name, attribute_type<T>, most, values.data())));
    return values;
  }
  std::vector<Descriptor> get_descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                          std::int64_t most) const;
  /// Of descriptors, where the attribute does tell.
  std::int64_t count(cudnnBackendAttributeName_t name) const;

  cudnnBackendDescriptor_t raw() const { return descriptor_; }

 private:
  void set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
               const void* values);
  std::int64_t get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                       void* values) const;

  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace sluice::cudnn
