#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/positions_cuda.h>

namespace sluice {
namespace {

using cuda::Position;

/// y may be x: a thread reads and writes the same channels, and all reads of them for the sums come first.
template <int lanes>
__global__ void softmax_kernel(ChannelView view, const float* x, float* y) {
  cuda::for_each_position<lanes>(view, [&](const Position<lanes>& position, std::int64_t, std::int64_t) {
    const cuda::PositionSoftmax softmax(position, x);
    position.for_each([&](std::int64_t i, std::int64_t) { y[i] = softmax(x[i]); });
    position.for_each_padding([&](std::int64_t i) { y[i] = 0; });
  });
}

/// dx = y · (dy − Σ dy·y) and may be either.
template <int lanes>
__global__ void softmax_grad_kernel(ChannelView view, const float* y, const float* dy, float* dx) {
  cuda::for_each_position<lanes>(view, [&](const Position<lanes>& position, std::int64_t, std::int64_t) {
    const float sum = position.sum([&](std::int64_t i) { return dy[i] * y[i]; });
    position.for_each([&](std::int64_t i, std::int64_t) { dx[i] = y[i] * (dy[i] - sum); });
    position.for_each_padding([&](std::int64_t i) { dx[i] = 0; });
  });
}

std::unique_ptr<Kernel> lower_softmax(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return make_kernel([queue = cuda::queue(context), view](const Addresses& at, const RunContext&) {
    cuda::with_lanes(view, [&](auto lanes) {
      constexpr int count = decltype(lanes)::lanes;
      cuda::launch(queue, view.samples * view.spatial * count, softmax_kernel<count>, view,
                   static_cast<const float*>(at.inputs[0]), static_cast<float*>(at.outputs[0]));
    });
  });
}

std::unique_ptr<Kernel> lower_softmax_grad(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_channel_view(context, 0);
  context.require(1, context.input(0).layout);
  context.set_layout(0, context.input(0).layout);
  return make_kernel([queue = cuda::queue(context), view](const Addresses& at, const RunContext&) {
    cuda::with_lanes(view, [&](auto lanes) {
      constexpr int count = decltype(lanes)::lanes;
      cuda::launch(queue, view.samples * view.spatial * count, softmax_grad_kernel<count>, view,
                   static_cast<const float*>(at.inputs[0]), static_cast<const float*>(at.inputs[1]),
                   static_cast<float*>(at.outputs[0]));
    });
  });
}

}  // namespace

void register_softmax_cuda(KernelTable& table) {
  table.add("softmax", lower_softmax);
  table.add("softmax_grad", lower_softmax_grad);
}

}  // namespace sluice
