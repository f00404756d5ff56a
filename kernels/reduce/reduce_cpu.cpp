#include <algorithm>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

constexpr std::int64_t chunk = 1 << 14;  // elements summed in one go; fixed, so that sums do not depend on threads

SLUICE_CLONES double sum_range(const float* x, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]);
  return sum;
}

/// Extents of a value as samples × elements per sample, padding included; a batch value counts as one sample.
struct Extents {
  std::int64_t samples, per_sample;

  explicit Extents(const LoweredValue& value)
      : samples(value.scope == Scope::sample ? value.dims[0] : 1),
        per_sample(value.padded_elements() / samples) {}
};

class SumPerSampleKernel final : public Kernel {
 public:
  explicit SumPerSampleKernel(const Extents& extents)
      : extents_(extents),
        chunks_((extents.per_sample + chunk - 1) / chunk) {}

  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(extents_.samples * chunks_) * sizeof(double);
  }

  void run(const RunContext&) override {
    double* partial = workspace<double>();
    const float* x = in<float>(0);
    const std::int64_t grain = std::max<std::int64_t>(1, chunk / extents_.per_sample);
    cpu::parallel_for(extents_.samples * chunks_, grain, [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % chunks_ * chunk;
        partial[i] =
            sum_range(x + i / chunks_ * extents_.per_sample + first, std::min(chunk, extents_.per_sample - first));
      }
    });
    for (std::int64_t n = 0; n < extents_.samples; ++n) {
      double sum = 0;
      for (std::int64_t i = 0; i < chunks_; ++i) sum += partial[n * chunks_ + i];
      out<float>(0)[n] = static_cast<float>(sum);
    }
  }

 private:
  Extents extents_;
  std::int64_t chunks_;
};

std::unique_ptr<Kernel> lower_sum(LoweringContext& context) {
  // Any layout that keeps samples apart: padding is zero and adds nothing.
  const LoweredValue& x = context.input(0);
  context.require(0, x.scope == Scope::batch || samples_contiguous(x) ? x.layout : Layout());
  context.set_layout(0, Layout());
  return std::make_unique<SumPerSampleKernel>(Extents(context.input(0)));
}

std::unique_ptr<Kernel> lower_expand(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([extents = Extents(context.output(0))](const Addresses& at, const RunContext&) {
    const auto* s = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    const std::int64_t total = extents.samples * extents.per_sample;
    cpu::parallel_for(total, chunk, [=](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t n = begin / extents.per_sample;
        const std::int64_t stop = std::min(end, (n + 1) * extents.per_sample);
        std::fill(y + begin, y + stop, s[n]);
        begin = stop;
      }
    });
  });
}

}  // namespace

void register_reduce_cpu(KernelTable& table) {
  table.add("sum_per_sample", lower_sum);
  table.add("expand_per_sample", lower_expand);
}

}  // namespace sluice
