#include <sluice/core/storage_key.h>

#include <array>
#include <charconv>
#include <vector>

#include <sluice/core/error.h>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 10> kinds = {"parameter", "state",    "scalar", "constant", "input",
                                                    "incoming",  "counters", "result", "kept",     "reordered"};
constexpr std::string_view digits = "0123456789abcdef";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (is_plain(c)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte / 16];
    result += digits[byte % 16];
  }
  return result;
}

[[noreturn]] void refuse(std::string_view text) {
  throw DataError("storage key: got '" + std::string(text) +
                  "'; expected kind/name/detail/number, as in state/features.0.weight/velocity/0");
}

std::string unescaped(std::string_view text, std::string_view whole) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i])) {
      result += text[i];
      continue;
    }
    if (text[i] != '%' || i + 2 >= text.size()) refuse(whole);
    const std::size_t high = digits.find(text[i + 1]), low = digits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) refuse(whole);
    const char c = static_cast<char>(16 * high + low);
    if (is_plain(c)) refuse(whole);  // a key has one text
    result += c;
    i += 2;
  }
  return result;
}

std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t slash = text.find('/');
    fields.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return fields;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string_view name(StorageKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

std::string StorageKey::str() const {
  return std::string(sluice::name(kind)) + '/' + escaped(name) + '/' + escaped(detail) + '/' + std::to_string(number);
}

StorageKey StorageKey::parse(std::string_view text) {
  const std::vector<std::string_view> fields = fields_of(text);
  if (fields.size() != 4) refuse(text);
  StorageKey key{.name = unescaped(fields[1], text), .detail = unescaped(fields[2], text)};
  std::size_t kind = 0;
  while (kind < kinds.size() && kinds[kind] != fields[0]) ++kind;
  if (kind == kinds.size()) refuse(text);
  key.kind = static_cast<StorageKind>(kind);
  const char* const end = fields[3].data() + fields[3].size();
  const auto [last, error] = std::from_chars(fields[3].data(), end, key.number);
  if (last != end || error != std::errc() || key.number < 0 || std::to_string(key.number) != fields[3]) refuse(text);
  return key;
}

}  // namespace sluice
