#include <sluice/core/transfer.h>

#include <algorithm>
#include <vector>

#include <sluice/core/bits.h>

namespace sluice {
namespace {

void write_bits(Backend& backend, void* address, const Layout& layout, const Tensor& tensor) {
  const Tensor numbers = tensor.to(DType::f64);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(bit_words(layout.padded_elements(tensor.shape()))));
  layout.for_each(tensor.shape(), [&](std::int64_t logical, std::int64_t place) {
    set_bit(words.data(), place, numbers.values<double>()[static_cast<std::size_t>(logical)] != 0);
  });
  backend.copy_in(address, words.data(), words.size() * sizeof(words[0]));
}

Tensor read_bits(Backend& backend, const void* address, const Shape& dims, const Layout& layout) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(bit_words(layout.padded_elements(dims))));
  backend.copy_out(words.data(), address, words.size() * sizeof(words[0]));
  Tensor result(dims, DType::u8);
  layout.for_each(dims, [&](std::int64_t logical, std::int64_t place) {
    result.values<std::uint8_t>()[static_cast<std::size_t>(logical)] = get_bit(words.data(), place) ? 1 : 0;
  });
  return result;
}

}  // namespace

void write_logical(Backend& backend, void* address, DType dtype, const Layout& layout, const Tensor& tensor) {
  if (dtype == DType::bit) return write_bits(backend, address, layout, tensor);
  const Tensor converted = tensor.to(dtype);
  const std::size_t size = size_bytes(dtype);
  std::vector<std::byte> physical(layout.bytes(tensor.shape(), dtype));
  layout.for_each(tensor.shape(), [&](std::int64_t logical, std::int64_t place) {
    std::copy_n(static_cast<const std::byte*>(converted.data()) + static_cast<std::size_t>(logical) * size, size,
                physical.data() + static_cast<std::size_t>(place) * size);
  });
  backend.copy_in(address, physical.data(), physical.size());
}

Tensor read_logical(Backend& backend, const void* address, const Shape& dims, DType dtype, const Layout& layout) {
  if (dtype == DType::bit) return read_bits(backend, address, dims, layout);
  const std::size_t size = size_bytes(dtype);
  std::vector<std::byte> physical(layout.bytes(dims, dtype));
  backend.copy_out(physical.data(), address, physical.size());
  Tensor result(dims, dtype);
  layout.for_each(dims, [&](std::int64_t logical, std::int64_t place) {
    std::copy_n(physical.data() + static_cast<std::size_t>(place) * size, size,
                static_cast<std::byte*>(result.data()) + static_cast<std::size_t>(logical) * size);
  });
  return result;
}

}  // namespace sluice
