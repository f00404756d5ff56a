#include <sluice/kernels/cuda/update.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/kernels/sgd/sgd_functors.h>

namespace sluice {
namespace {

struct SgdUpdate {
  const float* lr;
  float momentum, weight_decay;
  bool nesterov;

  __device__ SgdFunctor<float> step() const { return {*lr, momentum, weight_decay, nesterov}; }
};

template <int groups>
class SgdKernel final : public cuda::UpdateKernel<groups> {
 public:
  SgdKernel(LoweringContext& context, const SgdOp& op)
      : cuda::UpdateKernel<groups>(context, op.parameters(), op.update_options().clear_gradients),
        options_(op.update_options()) {}

  void run(const RunContext&) override {
    this->update(SgdUpdate{this->scalar(0), options_.momentum, options_.weight_decay, options_.nesterov});
  }

 private:
  SgdUpdateOptions options_;
};

std::unique_ptr<Kernel> lower_sgd(LoweringContext& context) {
  const auto& op = context.op<SgdOp>();
  if (op.groups() == 3) return std::make_unique<SgdKernel<3>>(context, op);
  return std::make_unique<SgdKernel<2>>(context, op);
}

}  // namespace

void register_sgd_cuda(KernelTable& table) { table.add("sgd", lower_sgd); }

}  // namespace sluice
