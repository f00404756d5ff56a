#include <sluice/kernels/sgd/sgd.h>
#include <sluice/kernels/sgd/sgd_functors.h>
#include <sluice/kernels/shared/update_cuda.h>

namespace sluice {
namespace {

struct SgdUpdate {
  SgdCoefficients<float> coefficients;
  const float* lr;

  __device__ SgdFunctor<float> step() const { return {coefficients, *lr}; }
};

template <int groups>
class SgdKernel final : public cuda::UpdateKernel<groups> {
 public:
  SgdKernel(LoweringContext& context, const SgdOp& op)
      : cuda::UpdateKernel<groups>(context, op.parameters(), op.update_options().clear_gradients),
        coefficients_(op.update_options()) {}

  void run(const RunContext&) override { this->update(SgdUpdate{coefficients_, this->scalar(0)}); }

 private:
  SgdCoefficients<float> coefficients_;
};

std::unique_ptr<Kernel> lower_sgd(LoweringContext& context) {
  const auto& op = context.op<SgdOp>();
  if (op.groups() == 3) return std::make_unique<SgdKernel<3>>(context, op);
  return std::make_unique<SgdKernel<2>>(context, op);
}

}  // namespace

void register_sgd_cuda(KernelTable& table) { table.add("sgd", lower_sgd); }

}  // namespace sluice
