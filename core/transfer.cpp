#include <sluice/core/transfer.h>

#include <algorithm>
#include <vector>

namespace sluice {

void write_logical(Backend& backend, void* address, DType dtype, const Layout& layout, const Tensor& tensor) {
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
