// Any bytes are an IDX file, plain or gzip, or a DataError.
#include <sluice/data/idx.h>

#include <cstdlib>

#include <sluice/core/error.h>

namespace {

void parse(std::span<const std::byte> bytes, const sluice::IdxExpectations& expectations) try {
  const sluice::IdxFile file = sluice::parse_idx(bytes, "input", expectations);
  if (file.values.size() != static_cast<std::size_t>(file.shape.elements())) std::abort();
  if (file.shape[0] > file.items) std::abort();
  if (expectations.keep > 0 && file.shape[0] > expectations.keep) std::abort();
  if (expectations.item && file.shape.without_leading() != *expectations.item) std::abort();
} catch (const sluice::DataError&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  parse(bytes, {});
  parse(bytes, {.item = sluice::Shape{}});
  parse(bytes, {.item = sluice::Shape{2, 2}, .keep = 1});
  return 0;
}
