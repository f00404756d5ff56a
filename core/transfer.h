#pragma once

#include <sluice/core/device.h>
#include <sluice/core/layout.h>
#include <sluice/core/tensor.h>

namespace sluice {

/// Writes a host tensor to device memory with `dtype` and `layout`. Converts elements (to bit: 1 if not 0), reorders
/// them and zeroes block padding.
void write_logical(Backend& backend, void* address, DType dtype, const Layout& layout, const Tensor& tensor);

/// Reads device memory back into a row-major host tensor of the same dtype; of u8, 0 or 1, where that is bit.
Tensor read_logical(Backend& backend, const void* address, const Shape& dims, DType dtype, const Layout& layout);

}  // namespace sluice
