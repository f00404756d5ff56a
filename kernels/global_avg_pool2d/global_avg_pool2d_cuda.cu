#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/plain_sums_cuda.h>

namespace sluice {
namespace {

/// y[n,c] from the sum of a chunk, which is a sample.
struct StoreMean {
  float* y;
  std::int64_t channels;
  double count;

  __device__ void operator()(std::int64_t n, std::int64_t c, const double (&sums)[1]) const {
    y[n * channels + c] = static_cast<float>(sums[0] / count);
  }
};

/// A warp takes the mean of a plane, `size` adjacent elements.
__global__ void plane_mean_kernel(std::int64_t planes, std::int64_t size, const float* x, float* y) {
  const std::int64_t block = blockDim.x, warps = gridDim.x * block / cuda::warp_threads;
  const int lane = static_cast<int>(threadIdx.x) % cuda::warp_threads;
  for (std::int64_t p = (blockIdx.x * block + threadIdx.x) / cuda::warp_threads; p < planes; p += warps) {
    cuda::FloatPair pair;
    for (std::int64_t i = lane; i < size; i += cuda::warp_threads) pair.add(x[p * size + i]);
    const double sum = cuda::warp_sum(pair.value());
    if (lane == 0) y[p] = static_cast<float>(sum / static_cast<double>(size));
  }
}

/// dx[n,c,s] = dy[n,c] / count; dy is plain. Padding becomes 0.
template <class Shape>
__global__ void spread_kernel(ChannelView view, float count, const float* dy, float* dx) {
  const cuda::Extents<4> extents = cuda::pack_extents<Shape>(view);
  const std::int64_t packs = view.samples * view.outer * view.spatial * view.inner / Shape::width;
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, thread = blockIdx.x * block + threadIdx.x;
  cuda::GridIndex<4> at(extents, thread, threads);
  for (std::int64_t p = thread; p < packs; p += threads, at.advance(extents)) {
    const std::int64_t first = cuda::first_channel<Shape>(view, at);
    cuda::Pack<float, Shape::width> values;
    for (int i = 0; i < Shape::width; ++i) {
      const std::int64_t c = first + i / Shape::per_channel;
      values.at[i] = c < view.channels ? dy[at[0] * view.channels + c] / count : 0.0f;
    }
    reinterpret_cast<cuda::Pack<float, Shape::width>*>(dx)[p] = values;
  }
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, Layout());
  return make_kernel([queue = cuda::queue(context), view](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    if (view.inner == 1) {
      const std::int64_t planes = view.samples * view.channels;
      cuda::launch(queue, planes * cuda::warp_threads, plane_mean_kernel, planes, view.spatial, x, y);
      return;
    }
    const StoreMean store{y, view.channels, static_cast<double>(view.spatial)};
    cuda::with_channel_packs(view, [&](auto shape) {
      using Shape = decltype(shape);
      auto tiles = cuda::channel_tiles<Shape>(view);
      tiles.chunks = view.samples;
      cuda::launch_blocks(queue, tiles.blocks(), cuda::block_threads,
                          cuda::channel_sums_kernel<Shape, cuda::ElementTerms, StoreMean, float>, tiles,
                          cuda::ElementTerms{}, store, x);
    });
  });
}

// Nobody says how dx should lie: it goes to the gradient of a convolution, so it lies as those like it.
std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_f32(context);
  context.require_plain(0);
  context.set_layout(0, Layout::channels_last());
  return make_kernel(
      [queue = cuda::queue(context), view = *channel_view(context.output(0))](const Addresses& at, const RunContext&) {
        cuda::with_packs(view, [&](auto shape) {
          using Shape = decltype(shape);
          const std::int64_t packs = view.samples * view.outer * view.spatial * view.inner / Shape::width;
          cuda::launch(queue, packs, spread_kernel<Shape>, view, static_cast<float>(view.spatial),
                       static_cast<const float*>(at.inputs[0]), static_cast<float*>(at.outputs[0]));
        });
      });
}

}  // namespace

void register_global_avg_pool2d_cuda(KernelTable& table) {
  table.add("global_avg_pool2d", lower_forward);
  table.add("global_avg_pool2d_grad", lower_grad);
}

}  // namespace sluice
