#include <atomic>

#include <sluice/core/error.h>
#include <sluice/kernels/cpu/segments.h>
#include <sluice/kernels/finite_check/finite_check_functors.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

SLUICE_CLONES std::int32_t count_not_finite(const float* x, std::int64_t count) {
  std::int32_t bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t i = 0; i < count; ++i) bad += NotFiniteFunctor{}(x[i]);
  return bad;
}

/// Counts over every input, in whatever layout: padding is finite.
class FiniteCheckKernel final : public Kernel {
 public:
  explicit FiniteCheckKernel(std::vector<std::int64_t> counts) : counts_(std::move(counts)) {}

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    values_.clear();
    for (std::size_t i = 0; i < counts_.size(); ++i)
      values_.add({static_cast<const float*>(addresses.inputs[i])}, counts_[i]);
  }

  void run(const RunContext&) override {
    std::atomic<std::int32_t> bad = 0;
    cpu::parallel_for(values_, 1 << 15, [&](const std::array<const float*, 1>& x, std::int64_t count) {
      bad += count_not_finite(x[0], count);
    });
    *out<std::int32_t>(0) = bad;
  }

 private:
  std::vector<std::int64_t> counts_;
  Segments<const float, 1> values_;
};

std::unique_ptr<Kernel> lower_finite_check(LoweringContext& context) {
  std::vector<std::int64_t> counts;
  for (int i = 0; i < context.inputs(); ++i) {
    if (context.input(i).dtype != DType::f32)
      throw BackendError("finite_check: no cpu kernel for " + std::string(name(context.input(i).dtype)));
    context.require(i, context.input(i).layout);
    counts.push_back(context.input(i).padded_elements());
  }
  return std::make_unique<FiniteCheckKernel>(std::move(counts));
}

}  // namespace

void register_finite_check_cpu(KernelTable& table) { table.add("finite_check", lower_finite_check); }

}  // namespace sluice
