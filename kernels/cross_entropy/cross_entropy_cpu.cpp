#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/cross_entropy/cross_entropy_view.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

/// Work is cut into chunks of positions of one sample: few samples of many pixels keep all threads busy too, and sums
/// are formed in the same order with any number of threads.
struct Chunks {
  static constexpr std::int64_t positions = 1024;

  explicit Chunks(const CrossEntropyView& view)
      : per_sample((view.positions + positions - 1) / positions),
        total(view.samples * per_sample),
        grain(std::max<std::int64_t>(1, 2048 / (view.classes * std::min(view.positions, positions)))) {}

  std::int64_t per_sample, total, grain;

  /// body(chunk, sample, first position, end of positions)
  template <class Body>
  void for_each(const CrossEntropyView& view, const Body& body) const {
    cpu::parallel_for(total, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % per_sample * positions;
        body(i, i / per_sample, first, std::min(first + positions, view.positions));
      }
    });
  }
};

class CrossEntropyLossKernel final : public Kernel {
 public:
  explicit CrossEntropyLossKernel(const CrossEntropyView& view) : view_(view), chunks_(view) {}

  std::size_t workspace_bytes() const override { return static_cast<std::size_t>(chunks_.total) * sizeof(double); }

  void run(const RunContext&) override {
    double* partial = workspace<double>();
    chunks_.for_each(view_, [&](std::int64_t chunk, std::int64_t n, std::int64_t begin, std::int64_t end) {
      partial[chunk] = cross_entropy_loss_part<float>(view_, addresses_, n, begin, end);
    });
    for (std::int64_t n = 0; n < view_.samples; ++n) {
      double sum = 0;
      for (std::int64_t i = 0; i < chunks_.per_sample; ++i) sum += partial[n * chunks_.per_sample + i];
      out<float>(0)[n] = static_cast<float>(sum);
    }
  }

 private:
  CrossEntropyView view_;
  Chunks chunks_;
};

std::unique_ptr<Kernel> lower_loss(LoweringContext& context) {
  require_all_plain(context);
  return std::make_unique<CrossEntropyLossKernel>(CrossEntropyView::of(context, false));
}

std::unique_ptr<Kernel> lower_weight(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([view = CrossEntropyView::of(context, false)](const Addresses& at, const RunContext&) {
    auto* weight = static_cast<float*>(at.outputs[0]);
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / view.positions);
    cpu::parallel_for(view.samples, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        weight[n] = static_cast<float>(cross_entropy_weight_of<float>(view, at, n));
    });
  });
}

std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_all_plain(context);
  const CrossEntropyView view = CrossEntropyView::of(context, true);
  return make_kernel([view, chunks = Chunks(view)](const Addresses& at, const RunContext&) {
    chunks.for_each(view, [&](std::int64_t, std::int64_t n, std::int64_t begin, std::int64_t end) {
      cross_entropy_grad_part<float>(view, at, n, begin, end);
    });
  });
}

}  // namespace

void register_cross_entropy_cpu(KernelTable& table) {
  table.add("cross_entropy_loss", lower_loss);
  table.add("cross_entropy_weight", lower_weight);
  table.add("cross_entropy_grad", lower_grad);
}

}  // namespace sluice
