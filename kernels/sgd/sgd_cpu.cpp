#include <sluice/kernels/sgd/sgd.h>
#include <sluice/kernels/sgd/sgd_functors.h>
#include <sluice/kernels/shared/update_cpu.h>

namespace sluice {
namespace {

constexpr std::int64_t sgd_grain = 1 << 14;

SLUICE_CLONES void plain_range(SgdFunctor<float> f, float* p, const float* g, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) f(p[i], g[i]);
}

SLUICE_CLONES void momentum_range(SgdFunctor<float> f, float* p, const float* g, float* v, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) f(p[i], g[i], v[i]);
}

template <std::size_t groups>
class SgdKernel final : public cpu::UpdateKernel<groups> {
 public:
  SgdKernel(LoweringContext& context, const SgdOp& op)
      : cpu::UpdateKernel<groups>(context, op.parameters(), op.update_options().clear_gradients),
        coefficients_(op.update_options()) {}

  void run(const RunContext&) override {
    const SgdFunctor<float> f{coefficients_, this->scalar(0)};
    this->update(sgd_grain, [&](const std::array<float*, groups>& at, std::int64_t count) {
      if constexpr (groups == 3)
        momentum_range(f, at[0], at[1], at[2], count);
      else
        plain_range(f, at[0], at[1], count);
    });
  }

 private:
  SgdCoefficients<float> coefficients_;
};

std::unique_ptr<Kernel> lower_sgd(LoweringContext& context) {
  const auto& op = context.op<SgdOp>();
  if (op.groups() == 3) return std::make_unique<SgdKernel<3>>(context, op);
  return std::make_unique<SgdKernel<2>>(context, op);
}

}  // namespace

void register_sgd_cpu(KernelTable& table) { table.add("sgd", lower_sgd); }

}  // namespace sluice
