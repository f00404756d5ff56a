#include <cmath>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/cross_entropy/cross_entropy_view.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/softmax_tiles_cpu.h>

namespace sluice {
namespace {

using cpu::PositionTiles;

/// The logits as tiles: few samples of many pixels keep all threads busy too.
PositionTiles tiles_of(const LoweringContext& context) { return PositionTiles(*channel_view(context.input(0))); }

/// Labels of the positions of one tile, and their weights: NaN for a label that is no class.
struct LabelTile {
  const std::int32_t* labels;
  float weights[PositionTiles::positions];

  LabelTile(const CrossEntropyView& view, const Addresses& at, std::int64_t n, std::int64_t first, std::int64_t count)
      : labels(view.input<std::int32_t>(at, 1) + n * view.positions + first) {
    const LabelWeight<float> weight = view.label_weight<float>(at);
    const float sample = view.sample_weight<float>(at, n);
    for (std::int64_t p = 0; p < count; ++p) {
      weights[p] = sample == 0 ? 0 : sample * weight(labels[p]);
      if (weights[p] != 0 && (labels[p] < 0 || labels[p] >= view.classes)) weights[p] = nan_of<float>();
    }
  }
};

double loss_of(const CrossEntropyView& view, const PositionTiles& tiles, const Addresses& at, std::int64_t n,
               std::int64_t first, std::int64_t count) {
  const float* x = view.input<float>(at, 0) + tiles.offset(n, first);
  const LabelTile tile(view, at, n, first, count);
  const cpu::SoftmaxTile sums(tiles.view, x, count);
  double loss = 0;
  for (std::int64_t p = 0; p < count; ++p) {
    const float w = tile.weights[p];
    if (std::isnan(w)) return w;
    if (w != 0) loss += w * (std::log(sums.sum[p]) + (sums.max[p] - x[tile.labels[p] * view.positions + p]));
  }
  return loss;
}

/// From softmax(x) in `dx`: dx = w · dloss · (softmax − onehot), exactly 0 where w is.
SLUICE_CLONES void subtract_labels(float* dx, const std::int32_t* labels, const float* weights, float dloss,
                                   std::int32_t classes, std::int64_t stride, std::int64_t count) {
  for (std::int32_t c = 0; c < classes; ++c)
#pragma omp simd
    for (std::int64_t p = 0; p < count; ++p) {
      const float scaled = dloss * weights[p] * (dx[c * stride + p] - (c == labels[p] ? 1.0f : 0.0f));
      dx[c * stride + p] = weights[p] == 0 ? 0 : scaled;
    }
}

class CrossEntropyLossKernel final : public Kernel {
 public:
  CrossEntropyLossKernel(const CrossEntropyView& view, const PositionTiles& tiles) : view_(view), tiles_(tiles) {}

  std::size_t workspace_bytes() const override { return static_cast<std::size_t>(tiles_.total) * sizeof(double); }

  void run(const RunContext&) override {
    double* partial = workspace<double>();
    tiles_.for_each([&](std::int64_t tile, std::int64_t n, std::int64_t first, std::int64_t count) {
      partial[tile] = loss_of(view_, tiles_, addresses_, n, first, count);
    });
    for (std::int64_t n = 0; n < view_.samples; ++n) {
      double sum = 0;
      for (std::int64_t i = 0; i < tiles_.per_sample; ++i) sum += partial[n * tiles_.per_sample + i];
      out<float>(0)[n] = static_cast<float>(sum);
    }
  }

 private:
  CrossEntropyView view_;
  PositionTiles tiles_;
};

std::unique_ptr<Kernel> lower_loss(LoweringContext& context) {
  require_all_plain(context);
  return std::make_unique<CrossEntropyLossKernel>(CrossEntropyView::of(context, false), tiles_of(context));
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

std::unique_ptr<Kernel> lower_cross_entropy_grad(LoweringContext& context) {
  require_all_plain(context);
  const CrossEntropyView view = CrossEntropyView::of(context, true);
  return make_kernel([view, tiles = tiles_of(context)](const Addresses& at, const RunContext&) {
    tiles.for_each([&](std::int64_t, std::int64_t n, std::int64_t first, std::int64_t count) {
      const float* x = view.input<float>(at, 0) + tiles.offset(n, first);
      float* dx = static_cast<float*>(at.outputs[0]) + tiles.offset(n, first);
      const LabelTile tile(view, at, n, first, count);
      cpu::SoftmaxTile(tiles.view, x, count).normalize(tiles.view, x, dx, count);
      subtract_labels(dx, tile.labels, tile.weights, view.dloss_of<float>(at, n),
                      static_cast<std::int32_t>(view.classes), view.positions, count);
    });
  });
}

}  // namespace

void register_cross_entropy_cpu(KernelTable& table) {
  table.add("cross_entropy_loss", lower_loss);
  table.add("cross_entropy_weight", lower_weight);
  table.add("cross_entropy_grad", lower_cross_entropy_grad);
}

}  // namespace sluice
