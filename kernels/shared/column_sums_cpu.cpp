#include <sluice/kernels/shared/column_sums_cpu.h>

#include <sluice/kernels/cpu/parallel.h>

namespace sluice::cpu {
namespace {

SLUICE_CLONES double adjacent(const float* x, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]);
  return sum;
}

SLUICE_CLONES void of_16(const float* x, std::int64_t rows, std::int64_t stride, double* sums) {
  double local[16] = {};  // stays in registers
  for (std::int64_t row = 0; row < rows; ++row)
#pragma omp simd
    for (int i = 0; i < 16; ++i) local[i] += static_cast<double>(x[row * stride + i]);
  for (int i = 0; i < 16; ++i) sums[i] += local[i];
}

SLUICE_CLONES void of_many(const float* x, std::int64_t rows, std::int64_t stride, double* sums, std::int64_t count) {
  for (std::int64_t row = 0; row < rows; ++row)
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) sums[i] += static_cast<double>(x[row * stride + i]);
}

}  // namespace

void add_rows(const float* x, std::int64_t rows, std::int64_t stride, double* sums, std::int64_t count) {
  if (count == 1 && stride == 1)
    *sums += adjacent(x, rows);
  else if (count == 16)
    of_16(x, rows, stride, sums);
  else
    of_many(x, rows, stride, sums, count);
}

}  // namespace sluice::cpu
