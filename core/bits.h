#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

// How values of DType::bit lie: element i of the value's layout, padding included, is bit i % 32 of word i / 32, the
// lowest bit first. Bits past the last element are 0.

inline constexpr std::int64_t word_bits = 32;

/// Words of `elements` bits.
SLUICE_HOST_DEVICE constexpr std::int64_t bit_words(std::int64_t elements) {
  return (elements + word_bits - 1) / word_bits;
}

SLUICE_HOST_DEVICE inline bool get_bit(const std::uint32_t* words, std::int64_t i) {
  return (words[i / word_bits] >> (i % word_bits) & 1u) != 0;
}

SLUICE_HOST_DEVICE inline void set_bit(std::uint32_t* words, std::int64_t i, bool value) {
  const std::uint32_t one = std::uint32_t{1} << (i % word_bits);
  words[i / word_bits] = value ? words[i / word_bits] | one : words[i / word_bits] & ~one;
}

}  // namespace sluice
