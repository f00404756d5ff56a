#include <sluice/core/byte_size.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <iomanip>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<Unit, 11> units{{{"", 1},
                                      {"B", 1},
                                      {"kB", 1'000},
                                      {"KB", 1'000},
                                      {"MB", 1'000'000},
                                      {"GB", 1'000'000'000},
                                      {"TB", 1'000'000'000'000},
                                      {"KiB", 1ull << 10},
                                      {"MiB", 1ull << 20},
                                      {"GiB", 1ull << 30},
                                      {"TiB", 1ull << 40}}};

[[noreturn]] void reject(std::string_view text, const std::string& why) {
  throw UsageError("byte size: " + why + "; got '" + std::string(text) +
                   "'; expected bytes, or a number with kB, MB, GB (powers of 1000), KiB, MiB or GiB (powers of 1024), "
                   "such as 64MiB");
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

}  // namespace

std::size_t parse_bytes(std::string_view text) {
  if (text.empty()) reject(text, "is empty");
  if (text[0] == '-') reject(text, "is negative");
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == 0) reject(text, "is not a number");
  const std::string_view whole = text.substr(0, end);
  std::string_view fraction;
  if (end < text.size() && text[end] == '.') {
    const std::size_t begin = ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
    fraction = text.substr(begin, end - begin);
    if (fraction.empty()) reject(text, "has no digit behind the point");
  }
  std::string_view name = text.substr(end);
  if (name.size() > 1 && name[0] == ' ') name.remove_prefix(1);
  const Unit* const unit = find_unit(name);
  if (!unit) reject(text, "has an unknown unit");
  if (!fraction.empty() && unit->bytes == 1) reject(text, "is no whole number of bytes");

  std::uint64_t count = 0, bytes = 0;
  const auto [last, error] = std::from_chars(whole.data(), whole.data() + whole.size(), count);
  if (error != std::errc() || __builtin_mul_overflow(count, unit->bytes, &bytes)) reject(text, "is too large");
  unsigned __int128 numerator = 0, denominator = 1;
  for (const char c : fraction.substr(0, 18)) {  // more digits would be less than a byte
    numerator = numerator * 10 + static_cast<unsigned>(c - '0');
    denominator *= 10;
  }
  const auto rest = static_cast<std::uint64_t>(numerator * unit->bytes / denominator);
  if (__builtin_add_overflow(bytes, rest, &bytes)) reject(text, "is too large");
  return bytes;
}

std::string format_bytes(std::size_t bytes) {
  constexpr std::array<const char*, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto number = static_cast<double>(bytes);
  for (; number >= 1023.95 && unit + 1 < names.size(); ++unit) number /= 1024;  // 1023.95 would print as 1024.0
  // The largest sizes would be rounded to 2^64 bytes, which parse_bytes could not read back.
  if (unit + 1 == names.size()) number = std::min(number, 16777215.9);
  TextStream text;
  text << std::fixed << std::setprecision(unit ? 1 : 0) << (unit ? number : static_cast<double>(bytes)) << ' '
       << names[unit];
  return text.str();
}

}  // namespace sluice
