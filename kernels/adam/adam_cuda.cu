#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/adam/adam_functors.h>
#include <sluice/kernels/shared/update_cuda.h>

namespace sluice {
namespace {

struct AdamUpdate {
  AdamCoefficients<float> coefficients;
  const float *step_size, *root_bias2, *keep, *lose;

  __device__ AdamFunctor<float> step() const { return {coefficients, *step_size, *root_bias2, {*keep, *lose}}; }
};

class AdamKernel final : public cuda::UpdateKernel<4> {
 public:
  AdamKernel(LoweringContext& context, const AdamOp& op)
      : UpdateKernel(context, op.parameters(), op.update_options().clear_gradients),
        coefficients_(op.update_options()) {}

  void run(const RunContext&) override {
    update(AdamUpdate{coefficients_, scalar(0), scalar(1), scalar(2), scalar(3)});
  }

 private:
  AdamCoefficients<float> coefficients_;
};

}  // namespace

void register_adam_cuda(KernelTable& table) {
  table.add("adam", [](LoweringContext& context) -> std::unique_ptr<Kernel> {
    return std::make_unique<AdamKernel>(context, context.op<AdamOp>());
  });
}

}  // namespace sluice
