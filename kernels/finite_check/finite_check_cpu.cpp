#include <atomic>

#include <sluice/core/error.h>
#include <sluice/kernels/finite_check/finite_check_functors.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/segments_cpu.h>

namespace sluice {
namespace {

SLUICE_CLONES std::int32_t count_not_finite(const float* x, std::int64_t count) {
  std::int32_t bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t i = 0; i < count; ++i) bad += NotFiniteFunctor{}(x[i]);
  return bad;
}

SLUICE_CLONES std::int32_t count_not_finite(const double* x, std::int64_t count) {
  std::int32_t bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t i = 0; i < count; ++i) bad += NotFiniteFunctor{}(x[i]);
  return bad;
}

template <class T>
std::int32_t count_in(const Segments<const T, 1>& values) {
  std::atomic<std::int32_t> bad = 0;
  cpu::parallel_for(values, 1 << 15, [&](const std::array<const T*, 1>& x, std::int64_t count) {
    bad += count_not_finite(x[0], count);
  });
  return bad;
}

/// An input in whatever layout, with its padding.
struct Elements {
  std::int64_t count;
  bool is_double;
};

/// Counts over every input, in whatever layout: padding is finite.
class FiniteCheckKernel final : public Kernel {
 public:
  explicit FiniteCheckKernel(std::vector<Elements> inputs) : inputs_(std::move(inputs)) {}

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    floats_.clear();
    doubles_.clear();
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].is_double)
        doubles_.add({static_cast<const double*>(addresses.inputs[i])}, inputs_[i].count);
      else
        floats_.add({static_cast<const float*>(addresses.inputs[i])}, inputs_[i].count);
  }

  void run(const RunContext&) override { *out<std::int32_t>(0) = count_in(floats_) + count_in(doubles_); }

 private:
  std::vector<Elements> inputs_;
  Segments<const float, 1> floats_;
  Segments<const double, 1> doubles_;
};

std::unique_ptr<Kernel> lower_finite_check(LoweringContext& context) {
  std::vector<Elements> inputs;
  for (int i = 0; i < context.inputs(); ++i) {
    const DType dtype = context.input(i).dtype;
    if (dtype != DType::f32 && dtype != DType::f64)
      throw BackendError("finite_check: no cpu kernel for " + std::string(name(dtype)));
    context.require(i, context.input(i).layout);
    inputs.push_back({context.input(i).padded_elements(), dtype == DType::f64});
  }
  return std::make_unique<FiniteCheckKernel>(std::move(inputs));
}

}  // namespace

void register_finite_check_cpu(KernelTable& table) { table.add("finite_check", lower_finite_check, {DType::f64}); }

}  // namespace sluice
