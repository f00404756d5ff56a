#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Bytes from text: "64MiB" = 64 · 2^20, "800MB" = 800 · 10^6, "1.5GiB", "4096". Units: B, kB or KB, MB, GB, TB (powers
/// of 1000), KiB, MiB, GiB, TiB (powers of 1024); one space may stand before the unit. Fractions of a byte are cut off.
/// Throws UsageError, quoting `text`, for anything else: negative, empty, unknown unit, 2^64 or more.
std::size_t parse_bytes(std::string_view text);

/// For people, in powers of 1024: "512 B", "64.0 MiB". parse_bytes reads it back, rounded.
std::string format_bytes(std::size_t bytes);

inline namespace literals {

constexpr std::size_t operator""_KiB(unsigned long long n) { return static_cast<std::size_t>(n) << 10; }
constexpr std::size_t operator""_MiB(unsigned long long n) { return static_cast<std::size_t>(n) << 20; }
constexpr std::size_t operator""_GiB(unsigned long long n) { return static_cast<std::size_t>(n) << 30; }
constexpr std::size_t operator""_MB(unsigned long long n) { return static_cast<std::size_t>(n) * 1'000'000; }

}  // namespace literals
}  // namespace sluice
