#pragma once

#include <cstdint>

namespace sluice::cpu {

/// sums[i] += Σ over `rows` of x[row · stride + i] for i < count, in double.
void add_rows(const float* x, std::int64_t rows, std::int64_t stride, double* sums, std::int64_t count);

}  // namespace sluice::cpu
