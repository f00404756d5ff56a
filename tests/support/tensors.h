#pragma once

#include <cstdint>
#include <vector>

#include <sluice/core/tensor.h>

namespace sluice::test {

/// Uniform numbers in [low, high], the same for the same seed; floats are f32 numbers whatever the dtype, integers
/// include both ends.
Tensor random_tensor(const Shape& shape, DType dtype, double low, double high, std::uint64_t seed);

/// max |a − b| / max |b|: 0 for equal tensors, infinite where one has NaN or an infinity that the other lacks. Dtypes
/// may differ; shapes may not (infinite).
double relative_error(const Tensor& a, const Tensor& b);

/// The elements as doubles.
std::vector<double> doubles(const Tensor& tensor);

}  // namespace sluice::test
