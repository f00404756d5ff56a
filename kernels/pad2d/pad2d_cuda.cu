#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// [planes of samples and blocks of channels][rows][columns][packs of adjacent channels] of y, and where x lies in it
/// (pad2d) or it lies in x (crop2d, with edges below 0).
struct Maps {
  cuda::Extents<4> y;
  std::int64_t x_height, x_width, top, left;
};

template <int width>
__global__ void shift_kernel(Maps maps, const float* x, float* y) {
  const std::int64_t threads = cuda::grid_threads();
  std::int64_t p = cuda::grid_thread();
  cuda::GridIndex<4> at(maps.y, p, threads);
  for (; at[0] < maps.y.of[0]; at.advance(maps.y), p += threads) {
    const std::int64_t row = at[1] - maps.top, column = at[2] - maps.left;
    cuda::Pack<float, width> pack{};
    if (row >= 0 && row < maps.x_height && column >= 0 && column < maps.x_width)
      pack = cuda::load_pack<width>(x, ((at[0] * maps.x_height + row) * maps.x_width + column) * maps.y.of[3] + at[3]);
    reinterpret_cast<cuda::Pack<float, width>*>(y)[p] = pack;
  }
}

class ShiftKernel final : public Kernel {
 public:
  ShiftKernel(const cuda::Queue& queue, const LoweringContext& context, const ChannelView& view, std::int64_t top,
              std::int64_t left)
      : queue_(queue),
        wide_(view.inner % 4 == 0),
        maps_{{{view.samples * view.outer, context.output(0).dims[2], context.output(0).dims[3],
                wide_ ? view.inner / 4 : view.inner}},
              context.input(0).dims[2],
              context.input(0).dims[3],
              top,
              left} {}

  void run(const RunContext&) override {
    const cuda::Extents<4>& y = maps_.y;
    cuda::launch(queue_, y.of[0] * y.of[1] * y.of[2] * y.of[3], wide_ ? shift_kernel<4> : shift_kernel<1>, maps_,
                 in<float>(0), out<float>(0));
  }

 private:
  cuda::Queue queue_;
  bool wide_;
  Maps maps_;
};

// Both directions keep the layout: padding is copied with the rest and stays zero.
std::unique_ptr<Kernel> lower(LoweringContext& context, int sign) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  const Edges2d& edges = context.op<Pad2dOpBase>().edges();
  return std::make_unique<ShiftKernel>(cuda::queue(context), context, view, sign * edges.top, sign * edges.left);
}

}  // namespace

void register_pad2d_cuda(KernelTable& table) {
  table.add("pad2d", [](LoweringContext& context) { return lower(context, 1); });
  table.add("crop2d", [](LoweringContext& context) { return lower(context, -1); });
}

}  // namespace sluice
