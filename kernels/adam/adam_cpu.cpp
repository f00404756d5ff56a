#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/adam/adam_functors.h>
#include <sluice/kernels/shared/update_cpu.h>

namespace sluice {
namespace {

SLUICE_CLONES void adam_range(const AdamFunctor<float>& functor, float* p, const float* g, float* m, float* v,
                              std::int64_t count) {
  const AdamFunctor<float> f = functor;  // a copy cannot be what p, m or v point to
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) f(p[i], g[i], m[i], v[i]);
}

class AdamKernel final : public cpu::UpdateKernel<4> {
 public:
  AdamKernel(LoweringContext& context, const AdamOp& op)
      : UpdateKernel(context, op.parameters(), op.update_options().clear_gradients),
        coefficients_(op.update_options()) {}

  void run(const RunContext&) override {
    const AdamFunctor<float> f{coefficients_, scalar(0), scalar(1), {scalar(2), scalar(3)}};
    update(1 << 13, [&](const std::array<float*, 4>& at, std::int64_t count) {
      adam_range(f, at[0], at[1], at[2], at[3], count);
    });
  }

 private:
  AdamCoefficients<float> coefficients_;
};

}  // namespace

void register_adam_cpu(KernelTable& table) {
  table.add("adam", [](LoweringContext& context) -> std::unique_ptr<Kernel> {
    return std::make_unique<AdamKernel>(context, context.op<AdamOp>());
  });
}

}  // namespace sluice
