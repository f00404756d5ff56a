#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/accuracy/accuracy_functors.h>
#include <sluice/kernels/cuda/block_reduce.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// Where the logits of a position lie: classes `functor.stride` apart.
struct Logits {
  std::int64_t samples, positions;
  std::int64_t position_stride;
  CorrectFunctor functor;
};

/// A block counts the right positions of one sample after the other; `lanes` threads (1 or a warp) share the classes of
/// a position.
template <int lanes>
__global__ void correct_kernel(Logits logits, const float* x, const std::int32_t* labels, float* y) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % lanes;
  const int group = thread / lanes, groups = static_cast<int>(blockDim.x) / lanes;
  for (std::int64_t n = blockIdx.x; n < logits.samples; n += gridDim.x) {
    const float* sample = x + n * logits.positions * logits.functor.classes;
    std::int64_t right = 0;
    for (std::int64_t p = group; p < logits.positions; p += groups) {
      const std::int32_t label = labels[n * logits.positions + p];
      bool all = logits.functor(sample + p * logits.position_stride, label, lane, lanes) != 0;
      if (lanes > 1) all = __ballot_sync(cuda::whole_warp, all) == cuda::whole_warp;
      right += all && lane == 0 ? 1 : 0;
    }
    right = cuda::block_sum(right);
    if (thread == 0) y[n] = static_cast<float>(right);
  }
}

/// Logits plain or with their classes last; labels and counts plain.
Logits lower_layouts(LoweringContext& context) {
  require_f32(context);
  const std::optional<ChannelView> lies = channel_view(context.input(0));
  if (!lies || lies->padded_channels() != lies->channels || (lies->outer > 1 && lies->inner > 1))
    context.require_plain(0);
  const ChannelView view = require_channel_view(context, 0);
  context.require_plain(1);
  context.set_layout(0, Layout());
  const std::optional<int>& ignored = context.op<CorrectOp>().correct_options().ignore_index;
  const bool last = view.inner == view.channels;
  return {view.samples,
          view.spatial,
          last ? view.channels : 1,
          {ignored.has_value(), ignored.value_or(0), view.channels, last ? 1 : view.spatial}};
}

std::unique_ptr<Kernel> lower_correct(LoweringContext& context) {
  const Logits logits = lower_layouts(context);
  // Many positions are work enough, and lie side by side where the classes do not.
  const bool share = logits.functor.stride == 1 && logits.functor.classes >= cuda::warp_threads;
  return make_kernel([queue = cuda::queue(context), logits, share](const Addresses& at, const RunContext&) {
    cuda::launch_blocks(queue, cuda::blocks_for(queue, logits.samples * cuda::block_threads), cuda::block_threads,
                        share ? correct_kernel<cuda::warp_threads> : correct_kernel<1>, logits,
                        static_cast<const float*>(at.inputs[0]), static_cast<const std::int32_t*>(at.inputs[1]),
                        static_cast<float*>(at.outputs[0]));
  });
}

}  // namespace

void register_accuracy_cuda(KernelTable& table) { table.add("correct", lower_correct); }

}  // namespace sluice
