#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice::cublas {

/// C = op(A) · op(B), or C += where `accumulate`; all plain (row-major) and f32. op(A): [m,k], op(B): [k,n], C: [m,n];
/// a transposed A lies as [k,m], a transposed B as [n,k].
struct Gemm {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool accumulate = false;
};

/// What gemm() gets as workspace: what cuBLAS recommends for the device, as far as the cap allows, and never less than
/// it needs.
std::size_t workspace_bytes(const LoweringContext& context);

/// Multiplies on the queue of `backend`, in its precision. Throws BackendError.
void gemm(cuda::CudaBackend& backend, const Gemm& gemm, const float* a, const float* b, float* c, void* workspace,
          std::size_t workspace_bytes);

/// Makes what the first gemm() would.
void warm_up(cuda::CudaBackend& backend);

}  // namespace sluice::cublas
