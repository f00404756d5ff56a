// Any bytes are a CIFAR-10 file, plain or gzip, or a DataError.
#include <sluice/data/cifar10.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sluice/core/error.h>

namespace {

using sluice::Cifar10;

/// Returns whether `bytes` were records.
bool parse(std::span<const std::byte> bytes, std::int64_t keep) try {
  const sluice::Cifar10Records records = sluice::parse_cifar10(bytes, "input", keep);
  const std::int64_t kept = keep > 0 ? std::min(keep, records.count) : records.count;
  if (records.count < 1) std::abort();
  if (records.images.size() != static_cast<std::size_t>(kept) * Cifar10::image_bytes) std::abort();
  if (records.labels.size() != static_cast<std::size_t>(kept) * sizeof(std::int32_t)) std::abort();
  for (std::int64_t i = 0; i < kept; ++i) {
    std::int32_t label = -1;
    std::memcpy(&label, records.labels.data() + static_cast<std::size_t>(i) * sizeof(label), sizeof(label));
    if (label < 0 || label >= Cifar10::classes) std::abort();
  }
  return true;
} catch (const sluice::DataError&) {
  return false;
}

/// Records are long and inputs short: two bytes of size, then a pattern that is repeated up to that size.
std::vector<std::byte> unfold(std::span<const std::byte> bytes) {
  if (bytes.size() < 3) return {};
  const std::size_t size = std::to_integer<std::size_t>(bytes[0]) * 256 + std::to_integer<std::size_t>(bytes[1]);
  std::vector<std::byte> unfolded(std::min(size, 4 * Cifar10::record_bytes));
  for (std::size_t i = 0; i < unfolded.size(); ++i) unfolded[i] = bytes[2 + i % (bytes.size() - 2)];
  return unfolded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (parse(bytes, 0) != parse(bytes, 1)) std::abort();
  const std::vector<std::byte> unfolded = unfold(bytes);
  const bool is_gzip = unfolded.size() >= 2 && unfolded[0] == std::byte{0x1f} && unfolded[1] == std::byte{0x8b};
  if (parse(unfolded, 2) && !is_gzip && unfolded.size() % Cifar10::record_bytes != 0) std::abort();
  return 0;
}
