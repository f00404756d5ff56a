#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

/// How a value is stored. What a kernel computes in is the kernel's own affair (bf16 is storage only).
enum class DType : std::uint8_t { f32, f64, bf16, i32, u8 };

constexpr std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::f64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16: return 2;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::bf16: return "bf16";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
  }
  return "?";
}

constexpr bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16; }

}  // namespace sluice
