#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/error.h>
#include <sluice/core/shape.h>

namespace sluice {

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}

/// Data on the host: a shape, a dtype and row-major elements. Holds parameters outside of training, samples and
/// results. Values in the slab have no Tensor.
class Tensor {
 public:
  Tensor() = default;
  /// Zeros. Throws ShapeError for dtype bit.
  explicit Tensor(const Shape& shape, DType dtype = DType::f32)
      : shape_(shape),
        dtype_(dtype),
        bytes_(static_cast<std::size_t>(shape.elements()) * size_bytes(dtype)) {}
  /// Copies `values`, row-major; throws ShapeError when their number differs from the shape's.
  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> values) {
    Tensor tensor(shape, dtype_of<T>());
    if (static_cast<std::int64_t>(values.size()) != shape.elements())
      throw ShapeError("tensor: " + std::to_string(values.size()) + " values; expected " + shape.str());
    for (std::size_t i = 0; i < values.size(); ++i) tensor.values<T>()[i] = values[i];
    return tensor;
  }
  template <class T>
  static Tensor of(const Shape& shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }

  /// Frees the elements; shape and dtype stay. For values that are in a slab.
  void release() { std::vector<std::byte>().swap(bytes_); }
  bool released() const { return bytes_.empty() && shape_.elements() > 0; }

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::size_t bytes() const { return bytes_.size(); }
  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }

  /// The elements as T; throws ShapeError when T is not the dtype.
  template <class T>
  std::span<T> values() {
    check(dtype_of<T>());
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> values() const {
    check(dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

  /// The same elements converted to `dtype` (integers from floats truncate).
  Tensor to(DType dtype) const;
  /// The same elements in the same order under another shape. Throws ShapeError when it has another number of them.
  Tensor reshaped(const Shape& shape) const;

 private:
  void check(DType asked) const {
    if (asked != dtype_)
      throw ShapeError("tensor: read as " + std::string(name(asked)) + "; it is " + std::string(name(dtype_)));
  }

  Shape shape_;
  DType dtype_ = DType::f32;
  std::vector<std::byte> bytes_;
};

/// Copies `count` elements between dtypes (f32, f64, i32, u8); equal dtypes are a plain copy.
void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count);

}  // namespace sluice
