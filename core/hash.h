#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// FNV-1a, 64 bits: names plans and weights, protects nothing.
class Hash {
 public:
  Hash& add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) value_ = (value_ ^ static_cast<std::uint64_t>(b)) * 0x100000001B3u;
    return *this;
  }
  Hash& add(std::string_view text) { return add(std::as_bytes(std::span(text.data(), text.size()))).add(text.size()); }
  Hash& add(std::uint64_t number) { return add(std::as_bytes(std::span(&number, 1))); }

  std::uint64_t value() const { return value_; }
  /// Sixteen hexadecimal digits.
  std::string str() const {
    constexpr char digits[] = "0123456789abcdef";
    std::string text(16, '0');
    for (int i = 0; i < 16; ++i) text[static_cast<std::size_t>(15 - i)] = digits[(value_ >> (4 * i)) & 15];
    return text;
  }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace sluice
