// Any text is a byte size or a UsageError; what format_bytes makes of one is read back, rounded.
#include <sluice/core/byte_size.h>

#include <cstdint>
#include <cstdlib>
#include <optional>

#include <sluice/core/error.h>

namespace {

std::optional<std::size_t> parse(std::string_view text) try {
  return sluice::parse_bytes(text);
} catch (const sluice::UsageError&) {
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = parse({reinterpret_cast<const char*>(data), size});
  if (!bytes) return 0;
  const std::size_t again = sluice::parse_bytes(sluice::format_bytes(*bytes));  // must not throw
  const std::size_t difference = again > *bytes ? again - *bytes : *bytes - again;
  if (difference > *bytes / 16) std::abort();  // one decimal of a number from 1 on: 5 %
  return 0;
}
