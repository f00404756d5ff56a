#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/pool_axis.h>
#include <sluice/kernels/shared/pool_maps_cuda.h>

namespace sluice {
namespace {

using cuda::GridIndex;
using cuda::load_pack;
using cuda::Pack;
using Maps = cuda::PoolMaps<PoolAxis>;

/// Taps come in row-major order and only a larger one or a NaN replaces the maximum, so of equal ones the first stays.
template <int width, class Index>
__global__ void max_pool_kernel(ChannelView view, Maps maps, const float* x, float* y, Index* indices) {
  cuda::for_each_pack(maps.y(), [&](const GridIndex<4>& at, std::int64_t place) {
    const PoolRange rows = maps.rows.of_window(at[1]), columns = maps.columns.of_window(at[2]);
    const std::int64_t first_row = maps.rows.first(at[1]), first_column = maps.columns.first(at[2]);
    const auto tap = [&](std::int64_t p, std::int64_t q) {
      return static_cast<Index>((p - first_row) * maps.columns.kernel + q - first_column);
    };
    auto largest = load_pack<width>(x, maps.in_x(at, rows.begin, columns.begin));
    Pack<Index, width> where;
    for (int i = 0; i < width; ++i) where.at[i] = tap(rows.begin, columns.begin);
    for (std::int64_t p = rows.begin; p < rows.end; ++p)
      for (std::int64_t q = columns.begin; q < columns.end; ++q) {
        const auto values = load_pack<width>(x, maps.in_x(at, p, q));
        for (int i = 0; i < width; ++i) {
          if (!ReplacesMaximum{}(values.at[i], largest.at[i])) continue;
          largest.at[i] = values.at[i];
          where.at[i] = tap(p, q);
        }
      }
    if (view.outer * view.inner > view.channels) {  // there is padding, and indices are zero there
      const std::int64_t c = at[0] % view.outer * view.inner + at[3] * width;
      for (int i = 0; i < width; ++i)
        if (c + i >= view.channels) where.at[i] = 0;
    }
    reinterpret_cast<Pack<float, width>*>(y)[place] = largest;
    reinterpret_cast<Pack<Index, width>*>(indices)[place] = where;
  });
}

/// dx gathers from the windows that lie over it.
template <int width, class Index>
__global__ void max_pool_grad_kernel(Maps maps, const float* dy, const Index* indices, float* dx) {
  cuda::for_each_pack(maps.x(), [&](const GridIndex<4>& at, std::int64_t place) {
    const PoolRange rows = maps.rows.over(at[1]), columns = maps.columns.over(at[2]);
    Pack<float, width> sum{};
    for (std::int64_t i = rows.begin; i < rows.end; ++i)
      for (std::int64_t j = columns.begin; j < columns.end; ++j) {
        const std::int64_t window = maps.in_y(at, i, j);
        const auto tap =
            static_cast<Index>((at[1] - maps.rows.first(i)) * maps.columns.kernel + at[2] - maps.columns.first(j));
        const auto where = load_pack<width>(indices, window);
        const auto values = load_pack<width>(dy, window);
        for (int k = 0; k < width; ++k) sum.at[k] += where.at[k] == tap ? values.at[k] : 0.0f;
      }
    reinterpret_cast<Pack<float, width>*>(dx)[place] = sum;
  });
}

/// The axis `dim` of maps [N,C,H,W].
PoolAxis axis(const PoolWindow& window, const LoweredValue& x, const LoweredValue& y, int dim) {
  const auto of = [dim](const Size2d& size) { return dim == 2 ? size.h : size.w; };
  return {x.dims[dim], y.dims[dim], of(window.kernel), of(window.stride), of(window.padding)};
}

/// What both directions know from lowering.
struct Pooling {
  cuda::Queue queue;
  ChannelView view;
  PoolAxis rows, columns;

  Pooling(const LoweringContext& context, const ChannelView& channels, const LoweredValue& x, const LoweredValue& y)
      : queue(cuda::queue(context)),
        view(channels),
        rows(axis(context.op<MaxPool2dOpBase>().pool(), x, y, 2)),
        columns(axis(context.op<MaxPool2dOpBase>().pool(), x, y, 3)) {}
};

template <class Index>
std::unique_ptr<Kernel> forward_kernel(const Pooling& pool) {
  return make_kernel([pool](const Addresses& at, const RunContext&) {
    cuda::with_channel_packs(pool.view, [&](auto shape) {
      using Shape = decltype(shape);
      const auto maps = Maps::of<Shape>(pool.view, pool.rows, pool.columns);
      cuda::launch(pool.queue, maps.blocks * pool.rows.windows * pool.columns.windows * maps.packs,
                   max_pool_kernel<Shape::width, Index>, pool.view, maps, static_cast<const float*>(at.inputs[0]),
                   static_cast<float*>(at.outputs[0]), static_cast<Index*>(at.outputs[1]));
    });
  });
}

template <class Index>
std::unique_ptr<Kernel> grad_kernel(const Pooling& pool) {
  return make_kernel([pool](const Addresses& at, const RunContext&) {
    cuda::with_channel_packs(pool.view, [&](auto shape) {
      using Shape = decltype(shape);
      const auto maps = Maps::of<Shape>(pool.view, pool.rows, pool.columns);
      cuda::launch(pool.queue, maps.blocks * pool.rows.extent * pool.columns.extent * maps.packs,
                   max_pool_grad_kernel<Shape::width, Index>, maps, static_cast<const float*>(at.inputs[0]),
                   static_cast<const Index*>(at.inputs[1]), static_cast<float*>(at.outputs[0]));
    });
  });
}

// Results lie as x does.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 0);
  for (int o = 0; o < context.outputs(); ++o) context.set_layout(o, context.input(0).layout);
  const Pooling pool(context, view, context.input(0), context.output(0));
  const bool bytes = context.op<MaxPool2dOpBase>().index_dtype() == DType::u8;
  return bytes ? forward_kernel<std::uint8_t>(pool) : forward_kernel<std::int32_t>(pool);
}

// The indices lie as forward's y did; dy is asked to do the same, and so does dx.
std::unique_ptr<Kernel> lower_grad(LoweringContext& context) {
  require_f32(context);
  const ChannelView view = require_map_view(context, 1);
  context.require(0, context.input(1).layout);
  context.set_layout(0, context.input(1).layout);
  const Pooling pool(context, view, context.output(0), context.input(0));
  const bool bytes = context.op<MaxPool2dOpBase>().index_dtype() == DType::u8;
  return bytes ? grad_kernel<std::uint8_t>(pool) : grad_kernel<std::int32_t>(pool);
}

}  // namespace

void register_max_pool2d_cuda(KernelTable& table) {
  table.add("max_pool2d", lower_forward);
  table.add("max_pool2d_grad", lower_grad);
}

}  // namespace sluice
