#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/adam/adam_functors.h>
#include <sluice/kernels/cuda/update.h>

namespace sluice {
namespace {

struct AdamUpdate {
  const float *lr, *bias1, *bias2;
  float beta1, beta2, eps, weight_decay;
  bool decoupled;

  __device__ AdamFunctor<float> step() const {
    return {*lr, *bias1, *bias2, beta1, beta2, eps, weight_decay, decoupled};
  }
};

class AdamKernel final : public cuda::UpdateKernel<4> {
 public:
  AdamKernel(LoweringContext& context, const AdamOp& op)
      : UpdateKernel(context, op.parameters(), op.update_options().clear_gradients),
        options_(op.update_options()) {}

  void run(const RunContext&) override {
    update(AdamUpdate{scalar(0), scalar(1), scalar(2), options_.beta1, options_.beta2, options_.eps,
                      options_.weight_decay, options_.decoupled});
  }

 private:
  AdamUpdateOptions options_;
};

}  // namespace

void register_adam_cuda(KernelTable& table) {
  table.add("adam", [](LoweringContext& context) -> std::unique_ptr<Kernel> {
    return std::make_unique<AdamKernel>(context, context.op<AdamOp>());
  });
}

}  // namespace sluice
