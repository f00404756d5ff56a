#pragma once

// Sums over samples and positions for every channel of an activation, in two stages whose order is fixed by the shapes
// and the device alone; for .cu files.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <sluice/kernels/cuda/block_reduce.h>
#include <sluice/kernels/cuda/float_pair.h>
#include <sluice/kernels/shared/channel_packs_cuda.h>

namespace sluice::cuda {

/// Blocks of channel_sums_kernel that a multiprocessor has registers for; its threads would be enough for four to
/// eight.
inline constexpr int blocks_at_once = 3;

/// Which block sums what. A row is what lies between two steps to the next position: all channels of a position, or
/// (plain) a pack of positions of one channel. A block takes a chunk of rows and a tile of `lanes` packs side by side;
/// its threads are [lines][lanes].
struct ChannelTiles {
  ChannelView view;
  std::int64_t sample_rows = 1;
  std::int64_t chunks = 1;
  std::int64_t packs = 1;  ///< side by side in a row
  std::int64_t tiles = 1;  ///< of them
  int lanes = 1;           ///< a power of two, at most a warp

  SLUICE_HOST_DEVICE std::int64_t rows() const { return view.samples * sample_rows; }
  SLUICE_HOST_DEVICE std::int64_t lines() const { return block_threads / lanes; }
  SLUICE_HOST_DEVICE std::int64_t blocks() const { return chunks * view.outer * tiles; }
};

/// With one chunk.
template <class Shape>
ChannelTiles channel_tiles(const ChannelView& view) {
  ChannelTiles tiles{.view = view};
  tiles.sample_rows = view.spatial / Shape::per_channel;
  tiles.packs = view.inner / Shape::channels;
  while (tiles.lanes < warp_threads && tiles.lanes < tiles.packs) tiles.lanes *= 2;
  tiles.tiles = (tiles.packs + tiles.lanes - 1) / tiles.lanes;
  return tiles;
}

/// Sums of one chunk for one tile of channels, handed to store(chunk, channel, sums[Terms::rows]).
///
/// `terms` says what is summed: terms.channel(c) is what it needs to know of a channel, and terms(channel, pairs,
/// x...) adds one element's terms to `Terms::rows` pairs.
template <class Shape, class Terms, class Store, class... X>
__global__ void __launch_bounds__(block_threads, blocks_at_once)
    channel_sums_kernel(ChannelTiles tiles, Terms terms, Store store, const X*... x) {
  constexpr int rows = Terms::rows, warps = block_threads / warp_threads;
  constexpr int run = 16 / Shape::per_channel;  // rows whose sums are kept in pairs: 16 elements a channel
  __shared__ double sums[warps][warp_threads * Shape::channels * rows];
  const ChannelView& view = tiles.view;
  const std::int64_t columns = view.outer * tiles.tiles;
  const std::int64_t chunk = blockIdx.x / columns, column = blockIdx.x % columns;
  const std::int64_t o = column / tiles.tiles, first = column % tiles.tiles * tiles.lanes;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % tiles.lanes;

  double total[Shape::channels][rows] = {};
  if (first + lane < tiles.packs) {
    typename Terms::Channel channel[Shape::channels];
    for (int k = 0; k < Shape::channels; ++k) {
      const std::int64_t c = o * view.inner + (first + lane) * Shape::channels + k;
      channel[k] = terms.channel(c < view.channels ? c : view.channels - 1);  // padding: its sums go nowhere
    }
    const Extents<2> extents{{view.samples, tiles.sample_rows}};
    const std::int64_t lines = tiles.lines(), end = tiles.rows() * (chunk + 1) / tiles.chunks;
    std::int64_t row = tiles.rows() * chunk / tiles.chunks + thread / tiles.lanes;
    GridIndex<2> at(extents, row, lines);
    while (row < end) {
      FloatPair pairs[Shape::channels][rows];
      for (int i = 0; i < run && row < end; ++i, row += lines, at.advance(extents)) {
        const std::int64_t pack = ((at[0] * view.outer + o) * tiles.sample_rows + at[1]) * tiles.packs + first + lane;
        const auto add = [&](const auto&... packs) {
          for (int k = 0; k < Shape::width; ++k)
            terms(channel[k / Shape::per_channel], pairs[k / Shape::per_channel], packs.at[k]...);
        };
        add(load_pack<Shape::width>(x, pack)...);
      }
      for (int k = 0; k < Shape::channels; ++k)
        for (int r = 0; r < rows; ++r) total[k][r] += pairs[k][r].value();
    }
  }

  for (int k = 0; k < Shape::channels; ++k)
    for (int r = 0; r < rows; ++r) {
      for (int distance = warp_threads / 2; distance >= tiles.lanes; distance /= 2)
        total[k][r] += __shfl_down_sync(whole_warp, total[k][r], distance);
      if (thread % warp_threads < tiles.lanes)
        sums[thread / warp_threads][(lane * Shape::channels + k) * rows + r] = total[k][r];
    }
  __syncthreads();
  const std::int64_t i = first * Shape::channels + thread, c = o * view.inner + i;
  if (thread >= tiles.lanes * Shape::channels || i >= view.inner || c >= view.channels) return;
  double result[rows] = {};
  for (int warp = 0; warp < warps; ++warp)
    for (int r = 0; r < rows; ++r) result[r] += sums[warp][thread * rows + r];
  store(chunk, c, result);
}

/// A warp adds up the chunks of a channel and calls finish(channel, sums[rows]).
template <int rows, class Finish>
__global__ void finish_channel_sums_kernel(std::int64_t channels, std::int64_t chunks, const double* partial,
                                           Finish finish) {
  const std::int64_t block = blockDim.x, warps = gridDim.x * block / warp_threads;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  for (std::int64_t c = (blockIdx.x * block + threadIdx.x) / warp_threads; c < channels; c += warps) {
    double sums[rows];
    for (int r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::int64_t chunk = lane; chunk < chunks; chunk += warp_threads)
        sum += partial[(r * channels + c) * chunks + chunk];
      sums[r] = warp_sum(sum);
    }
    if (lane == 0) finish(c, sums);
  }
}

/// Where the sums of chunks wait: [rows][channels][chunks].
template <int rows>
struct PartialSums {
  double* to;
  std::int64_t channels, chunks;

  __device__ void operator()(std::int64_t chunk, std::int64_t c, const double (&sums)[rows]) const {
    for (int r = 0; r < rows; ++r) to[(r * channels + c) * chunks + chunk] = sums[r];
  }
};

/// `rows` sums over samples and positions for each channel, in double.
template <int rows>
class ChannelSums {
 public:
  ChannelSums(const Queue& queue, const ChannelView& view) : queue_(queue) {
    with_packs(view, [&](auto shape) { tiles_ = channel_tiles<decltype(shape)>(view); });
    // One wave of blocks; fewer rows than 8 a thread are not worth a block.
    const std::int64_t blocks = std::int64_t{queue.resident_threads} * blocks_at_once / (8 * block_threads);
    const std::int64_t most = tiles_.rows() / (8 * tiles_.lines());
    tiles_.chunks = std::max<std::int64_t>(1, std::min(blocks / (view.outer * tiles_.tiles), most));
  }

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(rows * tiles_.view.channels * tiles_.chunks) * sizeof(double);
  }

  /// Calls finish(channel, sums[rows]) once for each channel, on the device. `partial`: the workspace; `terms`: as in
  /// channel_sums_kernel; `x`: the activations, which all lie as the view says.
  template <class Terms, class Finish, class... X>
  void run(double* partial, const Terms& terms, const Finish& finish, const X*... x) const {
    const std::int64_t channels = tiles_.view.channels, chunks = tiles_.chunks;
    const PartialSums<rows> store{partial, channels, chunks};
    with_packs(tiles_.view, [&](auto shape) {
      launch_blocks(queue_, tiles_.blocks(), block_threads,
                    channel_sums_kernel<decltype(shape), Terms, PartialSums<rows>, X...>, tiles_, terms, store, x...);
    });
    launch(queue_, channels * warp_threads, finish_channel_sums_kernel<rows, Finish>, channels, chunks,
           static_cast<const double*>(partial), finish);
  }

 private:
  Queue queue_;
  ChannelTiles tiles_;
};

}  // namespace sluice::cuda
