#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sluice/core/error.h>

namespace sluice {

/// How a value is stored. A kernel may compute in another type (bf16 is storage only). bit: masks with one bit per
/// element (bits.h) that one op makes for another. Inputs, parameters and tensors cannot be bit; the Tensor of a bit
/// value is u8, 0 or 1.
enum class DType : std::uint8_t { f32, f64, bf16, i32, u8, bit };

/// Bytes of one element. Throws ShapeError for bit.
constexpr std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::f64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16: return 2;
    case DType::u8: return 1;
    case DType::bit: break;
  }
  throw ShapeError("dtype: an element of bit has no bytes of its own; expected f32, f64, bf16, i32 or u8");
}

/// Bytes of `elements` consecutive elements. Bits fill words of 32.
constexpr std::size_t bytes_of(DType dtype, std::int64_t elements) {
  const auto count = static_cast<std::size_t>(elements);
  return dtype == DType::bit ? (count + 31) / 32 * 4 : count * size_bytes(dtype);
}

constexpr std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::bf16: return "bf16";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
    case DType::bit: return "bit";
  }
  return "?";
}

constexpr bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16; }

}  // namespace sluice
