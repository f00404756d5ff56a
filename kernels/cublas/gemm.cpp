#include <sluice/kernels/cublas/gemm.h>

#include <algorithm>
#include <string>

#include <cublas_v2.h>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/workspace.h>

namespace sluice::cublas {
namespace {

/// Throws BackendError unless `status`, the result of `call`, is success.
void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string kernel = running_kernel();
  throw BackendError("cuBLAS: " + std::string(call) + " failed" +
                     (kernel.empty() ? "" : " in kernel '" + kernel + "'") + "; got '" + cublasGetStatusName(status) +
                     ": " + cublasGetStatusString(status) + "'; expected success");
}

/// What cuBLAS needs once a device (CudaBackend::one).
class Library {
 public:
  explicit Library(cuda::CudaBackend& backend) {
    backend.select();
    check(cublasCreate(&handle_), "cublasCreate");
    check(cublasSetAtomicsMode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED), "cublasSetAtomicsMode");  // deterministic
  }
  ~Library() { (void)cublasDestroy(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  cublasHandle_t handle() const { return handle_; }

 private:
  cublasHandle_t handle_ = nullptr;
};

constexpr std::size_t kib = 1 << 10, mib = 1 << 20;

// cuBLAS, "cublasSetWorkspace()": what is recommended by architecture, and what is enough for every routine.
constexpr std::size_t least_bytes = 16 * kib;
std::size_t recommended_bytes(std::int64_t device_version) {
  if (device_version >= 900 && device_version < 1200) return 32 * mib;
  return device_version >= 1200 ? 12 * mib : 4 * mib;
}

constexpr cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace

std::size_t workspace_bytes(const LoweringContext& context) {
  const std::size_t wanted = recommended_bytes(cuda::backend(context).properties().device_version);
  const std::size_t cap = context.workspace_cap_bytes() / cuda::library_alignment * cuda::library_alignment;
  const std::size_t allowed = cap > cuda::library_alignment ? cap - cuda::library_alignment : 0;
  return cuda::with_alignment(std::clamp(allowed, least_bytes, wanted));
}

void gemm(cuda::CudaBackend& backend, const Gemm& gemm, const float* a, const float* b, float* c, void* workspace,
          std::size_t workspace_bytes) {
  const cublasHandle_t handle = backend.one<Library>().handle();
  backend.select();
  check(cublasSetStream(handle, backend.queue().stream), "cublasSetStream");  // forgets the workspace
  check(cublasSetWorkspace(handle, cuda::align_workspace(workspace), workspace_bytes - cuda::library_alignment),
        "cublasSetWorkspace");
  const Precision precision = backend.precision();
  const cublasComputeType_t compute = precision == Precision::tf32     ? CUBLAS_COMPUTE_32F_FAST_TF32
                                      : precision == Precision::strict ? CUBLAS_COMPUTE_32F_PEDANTIC
                                                                       : CUBLAS_COMPUTE_32F;
  const float one = 1, beta = gemm.accumulate ? 1 : 0;
  // cuBLAS counts columns first: what it sees as Cᵀ = op(B)ᵀ · op(A)ᵀ lies as our C.
  check(cublasGemmEx_64(handle, operation(gemm.transpose_b), operation(gemm.transpose_a), gemm.n, gemm.m, gemm.k, &one,
                        b, CUDA_R_32F, gemm.transpose_b ? gemm.k : gemm.n, a, CUDA_R_32F,
                        gemm.transpose_a ? gemm.m : gemm.k, &beta, c, CUDA_R_32F, gemm.n, compute, CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
}

void warm_up(cuda::CudaBackend& backend) { backend.one<Library>(); }

}  // namespace sluice::cublas
