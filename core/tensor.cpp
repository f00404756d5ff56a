#include <sluice/core/tensor.h>

#include <cstring>

namespace sluice {
namespace {

template <class From, class To>
void convert_elements(const void* from, void* to, std::size_t count) {
  const From* source = static_cast<const From*>(from);
  To* target = static_cast<To*>(to);
  for (std::size_t i = 0; i < count; ++i) target[i] = static_cast<To>(source[i]);
}

template <class From>
void convert_from(const void* from, void* to, DType to_dtype, std::size_t count) {
  switch (to_dtype) {
    case DType::f32: return convert_elements<From, float>(from, to, count);
    case DType::f64: return convert_elements<From, double>(from, to, count);
    case DType::i32: return convert_elements<From, std::int32_t>(from, to, count);
    case DType::u8: return convert_elements<From, std::uint8_t>(from, to, count);
    case DType::bf16:
    case DType::bit: break;
  }
  throw ShapeError("convert: no conversion to " + std::string(name(to_dtype)));
}

}  // namespace

void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count) {
  if (from_dtype == to_dtype) {
    std::memcpy(to, from, bytes_of(from_dtype, static_cast<std::int64_t>(count)));
    return;
  }
  switch (from_dtype) {
    case DType::f32: return convert_from<float>(from, to, to_dtype, count);
    case DType::f64: return convert_from<double>(from, to, to_dtype, count);
    case DType::i32: return convert_from<std::int32_t>(from, to, to_dtype, count);
    case DType::u8: return convert_from<std::uint8_t>(from, to, to_dtype, count);
    case DType::bf16:
    case DType::bit: break;
  }
  throw ShapeError("convert: no conversion from " + std::string(name(from_dtype)));
}

Tensor Tensor::to(DType dtype) const {
  Tensor result(shape_, dtype);
  convert(data(), dtype_, result.data(), dtype, static_cast<std::size_t>(shape_.elements()));
  return result;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != shape_.elements())
    throw ShapeError("tensor: " + shape_.str() + " cannot become " + shape.str());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

}  // namespace sluice
