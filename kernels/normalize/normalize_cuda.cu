#include <algorithm>
#include <vector>

#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/normalize/normalize.h>
#include <sluice/kernels/normalize/normalize_functors.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

constexpr int chunk_channels = 64;

/// Coefficients of channels [first, first + count), which travel as a kernel's argument.
struct Coefficients {
  NormalizeFunctor<float> of[chunk_channels];
  std::int64_t first, count;
};

/// x: plain [samples][channels][spatial]; y as the view says, without padding. A thread writes `width` elements that
/// lie side by side, of those whose channels have coefficients here.
template <int width, class Pixel>
__global__ void normalize_kernel(ChannelView view, Coefficients coefficients, std::int64_t packs, const Pixel* x,
                                 float* y) {
  for (std::int64_t p = cuda::grid_thread(); p < packs; p += cuda::grid_threads()) {
    cuda::Pack<float, width>& pack = reinterpret_cast<cuda::Pack<float, width>*>(y)[p];
    std::int64_t rest = p * width;
    std::int64_t i = rest % view.inner;
    rest /= view.inner;
    std::int64_t s = rest % view.spatial;
    rest /= view.spatial;  // the block of channels, over all samples: [samples][outer]
    cuda::Pack<float, width> made;
    for (int k = 0; k < width; ++k) {
      const std::int64_t c = rest % view.outer * view.inner + i - coefficients.first;
      const std::int64_t plane = rest * view.inner + i;
      if (c >= 0 && c < coefficients.count)
        made.at[k] = coefficients.of[c](x[plane * view.spatial + s]);
      else
        made.at[k] = pack.at[k];
      if (++i < view.inner) continue;
      i = 0;
      if (++s < view.spatial) continue;
      s = 0;
      ++rest;
    }
    pack = made;
  }
}

template <class Pixel>
class NormalizeKernel final : public Kernel {
 public:
  NormalizeKernel(const cuda::Queue& queue, const ChannelView& y, const NormalizeOp& op) : queue_(queue), y_(y) {
    for (std::int64_t first = 0; first < y.channels; first += chunk_channels) {
      Coefficients& chunk = chunks_.emplace_back();
      chunk.first = first;
      chunk.count = std::min<std::int64_t>(chunk_channels, y.channels - first);
      for (std::int64_t c = 0; c < chunk.count; ++c)
        chunk.of[c] = {static_cast<float>(op.factor(first + c)), static_cast<float>(op.offset(first + c))};
    }
  }

  void run(const RunContext&) override {
    const std::int64_t elements = y_.samples * y_.channels * y_.spatial;
    const int width = elements % 4 == 0 ? 4 : 1;
    for (const Coefficients& chunk : chunks_)
      cuda::launch(queue_, elements / width, width == 4 ? normalize_kernel<4, Pixel> : normalize_kernel<1, Pixel>, y_,
                   chunk, elements / width, in<Pixel>(0), out<float>(0));
  }

 private:
  cuda::Queue queue_;
  ChannelView y_;
  std::vector<Coefficients> chunks_;
};

/// Images come plain, as they are stored, and leave with their channels last.
std::unique_ptr<Kernel> lower_normalize(LoweringContext& context) {
  require_f32(context);
  context.require_plain(0);
  const LoweredValue& y = context.output(0);
  context.set_layout(0, y.dims.rank() == 4 ? Layout::channels_last() : Layout());
  const auto& op = context.op<NormalizeOp>();
  if (context.input(0).dtype == DType::u8)
    return std::make_unique<NormalizeKernel<std::uint8_t>>(cuda::queue(context), *channel_view(y), op);
  return std::make_unique<NormalizeKernel<float>>(cuda::queue(context), *channel_view(y), op);
}

}  // namespace

void register_normalize_cuda(KernelTable& table) { table.add("normalize", lower_normalize); }

}  // namespace sluice
