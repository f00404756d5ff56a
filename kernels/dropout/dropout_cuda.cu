#include <sluice/core/philox.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/dropout/dropout_functors.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/operands_cuda.h>

namespace sluice {
namespace {

/// Four words of the op's random stream for sample `n` of this micro-batch.
__device__ Philox::Block random_block(const RunCounters& run, std::uint32_t id, std::int64_t n, std::int64_t block) {
  return Philox::at(run.seed, run.step, id, static_cast<std::uint32_t>(run.first_sample + n),
                    static_cast<std::uint32_t>(block));
}

/// Samples whose elements are in the order of the stream (channels last): a thread takes a block of four. `width`: how
/// many it reads at once.
template <int width>
__global__ void dropout_in_order_kernel(const RunCounters* counters, cuda::Extents<2> blocks, std::int64_t elements,
                                        DropoutFunctor f, std::uint32_t id, const float* x, float* y) {
  const RunCounters run = *counters;
  cuda::GridIndex<2> at(blocks, cuda::grid_thread(), cuda::grid_threads());
  for (; at[0] < blocks.of[0]; at.advance(blocks)) {
    const Philox::Block words = random_block(run, id, at[0], at[1]);
    const std::int64_t first = at[0] * elements + 4 * at[1], rest = elements - 4 * at[1];
    const int count = rest < 4 ? static_cast<int>(rest) : 4;
    for (int i = 0; i < count; i += width) {
      cuda::Pack<float, width> pack = cuda::load_pack<width>(x, (first + i) / width);
      for (int k = 0; k < width; ++k) pack.at[k] = f(pack.at[k], words.v[i + k]);
      reinterpret_cast<cuda::Pack<float, width>*>(y)[(first + i) / width] = pack;
    }
  }
}

/// Any other order: a thread makes the block of every element that it takes. `extents`:
/// [samples][outer][spatial][inner].
__global__ void dropout_kernel(const RunCounters* counters, cuda::Extents<4> extents, std::int64_t channels,
                               DropoutFunctor f, std::uint32_t id, const float* x, float* y) {
  const RunCounters run = *counters;
  const std::int64_t threads = cuda::grid_threads();
  std::int64_t i = cuda::grid_thread();
  cuda::GridIndex<4> at(extents, i, threads);
  for (; at[0] < extents.of[0]; at.advance(extents), i += threads) {
    const std::int64_t channel = at[1] * extents.of[3] + at[3], element = at[2] * channels + channel;
    // Padding is left as it is: 0.
    y[i] = channel < channels ? f(x[i], random_block(run, id, at[0], element / 4).v[element % 4]) : 0.0f;
  }
}

class DropoutKernel final : public Kernel {
 public:
  DropoutKernel(const cuda::Queue& queue, const ChannelView& view, const DropoutOp& op)
      : queue_(queue),
        view_(view),
        functor_(op.rate()),
        id_(op.id()) {}

  void run(const RunContext& context) override {
    const RunCounters* const counters = context.counters;
    const float* x = in<float>(0);
    float* y = out<float>(0);
    const std::int64_t elements = view_.padded_channels() * view_.spatial, blocks = (elements + 3) / 4;
    if (view_.outer > 1 || view_.inner != view_.channels)
      cuda::launch(queue_, view_.samples * elements, dropout_kernel, counters,
                   cuda::Extents<4>{{view_.samples, view_.outer, view_.spatial, view_.inner}}, view_.channels, functor_,
                   id_, x, y);
    else
      cuda::launch(queue_, view_.samples * blocks,
                   elements % 4 == 0 ? dropout_in_order_kernel<4> : dropout_in_order_kernel<1>, counters,
                   cuda::Extents<2>{{view_.samples, blocks}}, elements, functor_, id_, x, y);
  }

 private:
  cuda::Queue queue_;
  ChannelView view_;
  DropoutFunctor functor_;
  std::uint32_t id_;
};

std::unique_ptr<Kernel> lower_dropout(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return std::make_unique<DropoutKernel>(cuda::queue(context), view, context.op<DropoutOp>());
}

}  // namespace

void register_dropout_cuda(KernelTable& table) { table.add("dropout", lower_dropout); }

}  // namespace sluice
