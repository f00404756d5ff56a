#include <sluice/kernels/cublas/gemm.h>
#include <sluice/kernels/cuda/epilogue.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

using cublas::Gemm;

/// A matrix product of inputs `a` and `b`, with a bias from input 2 where there is one.
class GemmKernel final : public Kernel {
 public:
  GemmKernel(LoweringContext& context, const Gemm& gemm, std::size_t a, std::size_t b)
      : backend_(cuda::backend(context)),
        gemm_(gemm),
        a_(a),
        b_(b),
        workspace_bytes_(cublas::workspace_bytes(context)) {
    require_f32(context);
    require_all_plain(context);
  }

  std::size_t workspace_bytes() const override { return workspace_bytes_; }

  void run(const RunContext&) override {
    const auto& [inputs, outputs, workspace] = addresses_;
    auto* const c = static_cast<float*>(outputs[0]);
    cublas::gemm(backend_, gemm_, static_cast<const float*>(inputs[a_]), static_cast<const float*>(inputs[b_]), c,
                 workspace, workspace_bytes_);
    if (inputs.size() == 3) cuda::add_bias(backend_.queue(), c, in<float>(2), gemm_.m, gemm_.n);
  }

 private:
  cuda::CudaBackend& backend_;
  Gemm gemm_;
  std::size_t a_, b_;
  std::size_t workspace_bytes_;
};

/// y = x · wᵀ + b.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  const Shape &x = context.input(0).dims, &w = context.input(1).dims;
  return std::make_unique<GemmKernel>(context, Gemm{.m = x[0], .n = w[0], .k = w[1], .transpose_b = true}, 0, 1);
}

/// dx = dy · w.
std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  const Shape &dy = context.input(0).dims, &w = context.input(1).dims;
  return std::make_unique<GemmKernel>(context, Gemm{.m = dy[0], .n = w[1], .k = w[0]}, 0, 1);
}

/// dw += dyᵀ · x.
std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  const Shape &x = context.input(0).dims, &dy = context.input(1).dims;
  const Gemm gemm{.m = dy[1], .n = x[1], .k = x[0], .transpose_a = true, .accumulate = true};
  return std::make_unique<GemmKernel>(context, gemm, 1, 0);
}

}  // namespace

void register_linear_cuda(KernelTable& table) {
  table.add("linear", lower_forward, {}, "cuBLAS");
  table.add("linear_grad_input", lower_grad_input, {}, "cuBLAS");
  table.add("linear_grad_weight", lower_grad_weight, {}, "cuBLAS");
}

}  // namespace sluice
