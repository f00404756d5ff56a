#pragma once

// What pooling kernels share; for .cu files.

#include <cstdint>
#include <memory>

#include <sluice/kernels/cuda/float_pair.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/channel_packs_cuda.h>

namespace sluice::cuda {

/// Maps x and y of a pooling in packs of adjacent channels: [blocks][rows][columns][packs]. A thread makes a pack.
template <class Axis>
struct PoolMaps {
  Axis rows, columns;
  std::int64_t blocks, packs;

  /// Of maps whose packs hold Shape::channels channels.
  template <class Shape>
  static PoolMaps of(const ChannelView& view, const Axis& rows, const Axis& columns) {
    return {rows, columns, view.samples * view.outer, view.inner / Shape::channels};
  }

  SLUICE_HOST_DEVICE Extents<4> x() const { return {{blocks, rows.extent, columns.extent, packs}}; }
  SLUICE_HOST_DEVICE Extents<4> y() const { return {{blocks, rows.windows, columns.windows, packs}}; }
  /// Where x has the pack of `at` in another row and column.
  SLUICE_HOST_DEVICE std::int64_t in_x(const GridIndex<4>& at, std::int64_t row, std::int64_t column) const {
    return ((at[0] * rows.extent + row) * columns.extent + column) * packs + at[3];
  }
  SLUICE_HOST_DEVICE std::int64_t in_y(const GridIndex<4>& at, std::int64_t row, std::int64_t column) const {
    return ((at[0] * rows.windows + row) * columns.windows + column) * packs + at[3];
  }
};

/// make(index, place) for every pack of an array.
template <class Make>
__device__ void for_each_pack(const Extents<4>& extents, const Make& make) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, thread = blockIdx.x * block + threadIdx.x;
  const std::int64_t count = extents.of[0] * extents.of[1] * extents.of[2] * extents.of[3];
  GridIndex<4> at(extents, thread, threads);
  for (std::int64_t p = thread; p < count; p += threads, at.advance(extents)) make(at, p);
}

/// y = the mean of x over each window. An axis also tells by how much a window divides.
template <int width, class Axis>
__global__ void avg_pool_kernel(PoolMaps<Axis> maps, const float* x, float* y) {
  for_each_pack(maps.y(), [&](const GridIndex<4>& at, std::int64_t place) {
    const auto rows = maps.rows.of_window(at[1]), columns = maps.columns.of_window(at[2]);
    FloatPair sums[width];
    for (std::int64_t p = rows.begin; p < rows.end; ++p)
      for (std::int64_t q = columns.begin; q < columns.end; ++q) {
        const auto values = load_pack<width>(x, maps.in_x(at, p, q));
        for (int i = 0; i < width; ++i) sums[i].add(values.at[i]);
      }
    const auto divisor = static_cast<float>(maps.rows.divisor(at[1]) * maps.columns.divisor(at[2]));
    Pack<float, width> means;
    for (int i = 0; i < width; ++i) {
      const float rest = sums[i].rest;  // NaN where the sum is infinite, which the mean is to be then
      means.at[i] = (rest == rest ? sums[i].sum + rest : sums[i].sum) / divisor;
    }
    reinterpret_cast<Pack<float, width>*>(y)[place] = means;
  });
}

/// Its transpose: dx gathers from the windows that lie over it.
template <int width, class Axis>
__global__ void avg_pool_grad_kernel(PoolMaps<Axis> maps, const float* dy, float* dx) {
  for_each_pack(maps.x(), [&](const GridIndex<4>& at, std::int64_t place) {
    const auto rows = maps.rows.over(at[1]), columns = maps.columns.over(at[2]);
    Pack<float, width> sum{};
    for (std::int64_t i = rows.begin; i < rows.end; ++i)
      for (std::int64_t j = columns.begin; j < columns.end; ++j) {
        const auto divisor = static_cast<float>(maps.rows.divisor(i) * maps.columns.divisor(j));
        const auto values = load_pack<width>(dy, maps.in_y(at, i, j));
        for (int k = 0; k < width; ++k) sum.at[k] += values.at[k] / divisor;
      }
    reinterpret_cast<Pack<float, width>*>(dx)[place] = sum;
  });
}

/// The kernel y = pool(x) for maps that lie as the view says.
template <class Axis>
std::unique_ptr<Kernel> avg_pool(const Queue& queue, const ChannelView& view, const Axis& rows, const Axis& columns) {
  return make_kernel([=](const Addresses& at, const RunContext&) {
    with_channel_packs(view, [&](auto shape) {
      using Shape = decltype(shape);
      const auto maps = PoolMaps<Axis>::template of<Shape>(view, rows, columns);
      launch(queue, maps.blocks * rows.windows * columns.windows * maps.packs, avg_pool_kernel<Shape::width, Axis>,
             maps, static_cast<const float*>(at.inputs[0]), static_cast<float*>(at.outputs[0]));
    });
  });
}

/// The kernel of its gradient.
template <class Axis>
std::unique_ptr<Kernel> avg_pool_grad(const Queue& queue, const ChannelView& view, const Axis& rows,
                                      const Axis& columns) {
  return make_kernel([=](const Addresses& at, const RunContext&) {
    with_channel_packs(view, [&](auto shape) {
      using Shape = decltype(shape);
      const auto maps = PoolMaps<Axis>::template of<Shape>(view, rows, columns);
      launch(queue, maps.blocks * rows.extent * columns.extent * maps.packs, avg_pool_grad_kernel<Shape::width, Axis>,
             maps, static_cast<const float*>(at.inputs[0]), static_cast<float*>(at.outputs[0]));
    });
  });
}

}  // namespace sluice::cuda
