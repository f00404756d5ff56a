// What kernels/cublas/ does, as loops.

#include <sluice/kernels/cublas/gemm.h>

#include <cstring>

#include "stream.h"

namespace sluice::cublas {
namespace {

constexpr std::size_t needed_bytes = 4096;

void multiply(const Gemm& gemm, const float* a, const float* b, float* c) {
  for (std::int64_t i = 0; i < gemm.m; ++i)
    for (std::int64_t j = 0; j < gemm.n; ++j) {
      double sum = gemm.accumulate ? static_cast<double>(c[i * gemm.n + j]) : 0;
      for (std::int64_t l = 0; l < gemm.k; ++l)
        sum += static_cast<double>(gemm.transpose_a ? a[l * gemm.m + i] : a[i * gemm.k + l]) *
               static_cast<double>(gemm.transpose_b ? b[j * gemm.k + l] : b[l * gemm.n + j]);
      c[i * gemm.n + j] = static_cast<float>(sum);
    }
}

}  // namespace

std::size_t workspace_bytes(const LoweringContext&) { return needed_bytes; }

// The workspace is written first: operands that overlap with it are lost.
void gemm(cuda::CudaBackend& backend, const Gemm& gemm, const float* a, const float* b, float* c, void* workspace,
          std::size_t workspace_bytes) {
  cuda_shim::enqueue(backend.queue().stream, [=] {
    std::memset(workspace, 0xFF, workspace_bytes);
    multiply(gemm, a, b, c);
  });
}

}  // namespace sluice::cublas
