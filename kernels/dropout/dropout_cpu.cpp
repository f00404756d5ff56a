#include <sluice/core/philox.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/dropout/dropout_functors.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice {
namespace {

/// The words of `blocks` Philox blocks of one sample. Plain arguments and a plain loop: gcc vectorises it over blocks
/// then.
SLUICE_CLONES void generate(std::uint64_t seed, std::uint64_t step, std::uint32_t id, std::uint32_t position,
                            std::uint32_t first_block, std::int64_t blocks, std::uint32_t* words) {
  for (std::int64_t b = 0; b < blocks; ++b) {
    const Philox::Block block = Philox::at(seed, step, id, position, first_block + static_cast<std::uint32_t>(b));
    for (int i = 0; i < 4; ++i) words[4 * b + i] = block.v[i];
  }
}

/// One run of memory whose elements are adjacent in the stream too.
SLUICE_CLONES void apply_run(DropoutFunctor f, const float* x, const std::uint32_t* words, float* y,
                             std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i], words[i]);
}

/// One channel of a plain layout: adjacent in memory, `stride` apart in the stream.
SLUICE_CLONES void apply_plane(DropoutFunctor f, const float* x, const std::uint32_t* words, std::int64_t stride,
                               float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i], words[i * stride]);
}

/// A block of 16 channels, `valid` of which exist: [positions][16] in memory, `stride` apart in the stream.
SLUICE_CLONES void apply_block16(DropoutFunctor f, const float* x, const std::uint32_t* words, std::int64_t stride,
                                 float* y, std::int64_t positions) {
  for (std::int64_t s = 0; s < positions; ++s)
#pragma omp simd
    for (int i = 0; i < 16; ++i) y[s * 16 + i] = f(x[s * 16 + i], words[s * stride + i]);
}

SLUICE_CLONES void apply_block(DropoutFunctor f, const float* x, const std::uint32_t* words, std::int64_t stride,
                               float* y, std::int64_t positions, std::int64_t inner, std::int64_t valid) {
  for (std::int64_t s = 0; s < positions; ++s) {
    for (std::int64_t i = 0; i < valid; ++i) y[s * inner + i] = f(x[s * inner + i], words[s * stride + i]);
    for (std::int64_t i = valid; i < inner; ++i) y[s * inner + i] = 0;  // padding
  }
}

/// Works in tiles of some positions × all channels (one position × some channels where there are very many): a tile is
/// one run of the random stream, generated into a small buffer and then applied in memory order.
class DropoutKernel final : public Kernel {
 public:
  DropoutKernel(const ChannelView& view, const DropoutOp& op)
      : view_(view),
        functor_(op.rate()),
        id_(op.id()),
        tile_channels_(std::min(view.channels, tile_elements)),
        tile_positions_(std::max<std::int64_t>(1, tile_elements / view.channels)),
        channel_tiles_((view.channels + tile_channels_ - 1) / tile_channels_),
        tiles_((view.spatial + tile_positions_ - 1) / tile_positions_ * channel_tiles_) {}

  void run(const RunContext& context) override {
    const std::int64_t grain =
        std::max<std::int64_t>(1, 4 * tile_elements / (tile_channels_ * std::min(tile_positions_, view_.spatial)));
    cpu::parallel_for(view_.samples * tiles_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) run_tile(context, i / tiles_, i % tiles_);
    });
  }

 private:
  static constexpr std::int64_t tile_elements = 8192;  // words of a tile: 32 KiB of stack; whole channel blocks

  void run_tile(const RunContext& context, std::int64_t n, std::int64_t tile) const {
    const std::int64_t s = tile / channel_tiles_ * tile_positions_, c = tile % channel_tiles_ * tile_channels_;
    const std::int64_t positions = std::min(tile_positions_, view_.spatial - s);
    const std::int64_t channels = std::min(tile_channels_, view_.channels - c);
    const std::int64_t first = s * view_.channels + c, count = (positions - 1) * view_.channels + channels;
    alignas(64) std::uint32_t words[tile_elements + 8];
    generate(context.seed, context.step, id_, static_cast<std::uint32_t>(context.first_sample + n),
             static_cast<std::uint32_t>(first / 4), (first % 4 + count + 3) / 4, words);
    apply(n, s, positions, c, channels, words + first % 4);
  }

  void apply(std::int64_t n, std::int64_t s, std::int64_t positions, std::int64_t c, std::int64_t channels,
             const std::uint32_t* words) const {
    const std::int64_t inner = view_.inner, stride = view_.channels;
    if (view_.outer == 1 && inner == view_.channels) {
      const std::int64_t at = (n * view_.spatial + s) * inner + c;
      apply_run(functor_, in<float>(0) + at, words, out<float>(0) + at, (positions - 1) * stride + channels);
      return;
    }
    for (std::int64_t o = c / inner; o * inner < c + channels; ++o) {
      const std::int64_t at = ((n * view_.outer + o) * view_.spatial + s) * inner;
      const float* x = in<float>(0) + at;
      float* y = out<float>(0) + at;
      const std::uint32_t* first = words + o * inner - c;
      if (inner == 1)
        apply_plane(functor_, x, first, stride, y, positions);
      else if (inner == 16 && view_.valid(o) == 16)
        apply_block16(functor_, x, first, stride, y, positions);
      else
        apply_block(functor_, x, first, stride, y, positions, inner, view_.valid(o));
    }
  }

  ChannelView view_;
  DropoutFunctor functor_;
  std::uint32_t id_;
  std::int64_t tile_channels_, tile_positions_, channel_tiles_, tiles_;
};

std::unique_ptr<Kernel> lower_dropout(LoweringContext& context) {
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return std::make_unique<DropoutKernel>(view, context.op<DropoutOp>());
}

}  // namespace

void register_dropout_cpu(KernelTable& table) { table.add("dropout", lower_dropout); }

}  // namespace sluice
