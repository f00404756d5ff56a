#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/grid_index.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

namespace sluice {
namespace {

/// Both maps as rows of all samples and blocks of channels: [rows][columns][packs of adjacent channels].
struct Maps {
  std::int64_t rows, columns, packs;  ///< of the small map
  int rows_each, columns_each;        ///< of the large one, for each of the small one

  cuda::Extents<3> small() const { return {{rows, columns, packs}}; }
  cuda::Extents<3> large() const { return {{rows * rows_each, columns * columns_each, packs}}; }
};

template <int width>
__global__ void upsample_kernel(Maps maps, cuda::Extents<3> large, const float* x, float* y) {
  const std::int64_t threads = cuda::grid_threads();
  std::int64_t p = cuda::grid_thread();
  cuda::GridIndex<3> at(large, p, threads);
  for (; at[0] < large.of[0]; at.advance(large), p += threads) {
    const std::int64_t row = at[0] / maps.rows_each, column = at[1] / maps.columns_each;
    reinterpret_cast<cuda::Pack<float, width>*>(y)[p] =
        cuda::load_pack<width>(x, (row * maps.columns + column) * maps.packs + at[2]);
  }
}

template <int width>
__global__ void upsample_grad_kernel(Maps maps, cuda::Extents<3> small, const float* dy, float* dx) {
  const std::int64_t threads = cuda::grid_threads(), large_columns = maps.columns * maps.columns_each;
  std::int64_t p = cuda::grid_thread();
  cuda::GridIndex<3> at(small, p, threads);
  for (; at[0] < small.of[0]; at.advance(small), p += threads) {
    cuda::Pack<float, width> sum{};
    for (int i = 0; i < maps.rows_each; ++i) {
      for (int j = 0; j < maps.columns_each; ++j) {
        const std::int64_t row = at[0] * maps.rows_each + i, column = at[1] * maps.columns_each + j;
        const auto pack = cuda::load_pack<width>(dy, (row * large_columns + column) * maps.packs + at[2]);
        for (int k = 0; k < width; ++k) sum.at[k] += pack.at[k];
      }
    }
    reinterpret_cast<cuda::Pack<float, width>*>(dx)[p] = sum;
  }
}

class UpsampleKernel final : public Kernel {
 public:
  UpsampleKernel(const cuda::Queue& queue, const LoweredValue& small, const ChannelView& view, Size2d factor, bool grad)
      : queue_(queue),
        wide_(view.inner % 4 == 0),
        grad_(grad),
        maps_{view.samples * view.outer * small.dims[2], small.dims[3], wide_ ? view.inner / 4 : view.inner,
              static_cast<int>(factor.h), static_cast<int>(factor.w)} {}

  void run(const RunContext&) override {
    if (grad_)
      launch(maps_.small(), wide_ ? upsample_grad_kernel<4> : upsample_grad_kernel<1>);
    else
      launch(maps_.large(), wide_ ? upsample_kernel<4> : upsample_kernel<1>);
  }

 private:
  void launch(const cuda::Extents<3>& extents, void (*kernel)(Maps, cuda::Extents<3>, const float*, float*)) const {
    cuda::launch(queue_, extents.of[0] * extents.of[1] * extents.of[2], kernel, maps_, extents, in<float>(0),
                 out<float>(0));
  }

  cuda::Queue queue_;
  bool wide_, grad_;
  Maps maps_;
};

// Both directions keep the layout: padding is copied, or summed, with the rest and stays zero.
std::unique_ptr<Kernel> lower(LoweringContext& context, bool grad) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 0);
  context.set_layout(0, context.input(0).layout);
  return std::make_unique<UpsampleKernel>(cuda::queue(context), grad ? context.output(0) : context.input(0), view,
                                          context.op<UpsampleNearest2dOpBase>().factor(), grad);
}

}  // namespace

void register_upsample_nearest2d_cuda(KernelTable& table) {
  table.add("upsample_nearest2d", [](LoweringContext& context) { return lower(context, false); });
  table.add("upsample_nearest2d_grad", [](LoweringContext& context) { return lower(context, true); });
}

}  // namespace sluice
