#include <algorithm>
#include <vector>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/max_pool2d/max_pool2d_cpu_loops.h>
#include <sluice/kernels/max_pool2d/max_pool2d_ops.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice {
namespace {

// Own kernels: to oneDNN's pooling_max a NaN is no larger than any number, and nothing is smaller than −3.4e38.

/// PooledMaps x and y as blocks of `inner` channels: [blocks][h][w][inner].
struct PooledMaps {
  ChannelView view;
  cpu::PoolWindows windows;

  PooledMaps(const ChannelView& view, const PoolWindow& pool, const LoweredValue& x, const LoweredValue& y)
      : view(view),
        windows{{x.dims[2], y.dims[2], pool.kernel.h, pool.stride.h, pool.padding.h},
                {x.dims[3], y.dims[3], pool.kernel.w, pool.stride.w, pool.padding.w}} {}

  std::int64_t blocks() const { return view.samples * view.outer; }
  /// Channels of a block that exist.
  std::int64_t valid(std::int64_t block) const { return view.valid(block % view.outer); }
  std::int64_t x_row() const { return windows.columns.extent * view.inner; }
  std::int64_t y_row() const { return windows.columns.windows * view.inner; }
};

template <class Index>
std::unique_ptr<Kernel> forward_kernel(const PooledMaps& m) {
  return make_kernel([m](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    auto* indices = static_cast<Index*>(at.outputs[1]);
    const std::int64_t rows = m.windows.rows.windows, map = m.windows.rows.extent * m.x_row();
    const std::int64_t grain = 1 + (1 << 13) / (m.y_row() * std::min<std::int64_t>(m.windows.rows.kernel, 4));
    cpu::parallel_for(m.blocks() * rows, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t block = row / rows, inner = m.view.inner, valid = m.valid(block);
        Index* const to = indices + row * m.y_row();
        cpu::max_pool_row(m.windows, row % rows, x + block * map, y + row * m.y_row(), to, inner);
        if (valid == inner) continue;
        for (std::int64_t j = 0; j < m.windows.columns.windows; ++j)  // indices of padding are zeros too
          std::fill(to + j * inner + valid, to + (j + 1) * inner, Index{0});
      }
    });
  });
}

/// dx = 0, and each dy added where the index of its window says. `places`: of the elements of a window behind its
/// first.
template <class Index>
void grad_of_block(const PooledMaps& m, const std::int64_t* places, std::int64_t valid, const float* dy,
                   const Index* indices, float* dx) {
  const PoolAxis &rows = m.windows.rows, &columns = m.windows.columns;
  const std::int64_t inner = m.view.inner;
  std::int64_t cleared = 0;  // rows, as late as they are needed, so that they are in the cache
  const auto clear = [&](std::int64_t end) {
    if (end <= cleared) return;
    std::fill(dx + cleared * m.x_row(), dx + end * m.x_row(), 0.0f);
    cleared = end;
  };
  for (std::int64_t i = 0; i < rows.windows; ++i) {
    clear(rows.of_window(i).end);
    for (std::int64_t j = 0; j < columns.windows; ++j, dy += inner, indices += inner) {
      const std::int64_t first = rows.first(i) * m.x_row() + columns.first(j) * inner;  // below 0 in the padding
      for (std::int64_t c = 0; c < valid; ++c) dx[first + places[indices[c]] + c] += dy[c];
    }
  }
  clear(rows.extent);
}

template <class Index>
std::unique_ptr<Kernel> grad_kernel(const PooledMaps& m) {
  const PoolAxis &rows = m.windows.rows, &columns = m.windows.columns;
  std::vector<std::int64_t> places;
  for (std::int64_t p = 0; p < rows.kernel; ++p)
    for (std::int64_t q = 0; q < columns.kernel; ++q) places.push_back(p * m.x_row() + q * m.view.inner);
  return make_kernel([m, places](const Addresses& at, const RunContext&) {
    const auto* dy = static_cast<const float*>(at.inputs[0]);
    const auto* indices = static_cast<const Index*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    const std::int64_t x_map = m.windows.rows.extent * m.x_row(), y_map = m.windows.rows.windows * m.y_row();
    cpu::parallel_for(m.blocks(), 1 + (1 << 14) / x_map, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        grad_of_block(m, places.data(), m.valid(b), dy + b * y_map, indices + b * y_map, dx + b * x_map);
    });
  });
}

// Results lie as x does.
std::unique_ptr<Kernel> lower_max_pool2d(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 0);
  for (int o = 0; o < context.outputs(); ++o) context.set_layout(o, context.input(0).layout);
  const auto& op = context.op<MaxPool2dOpBase>();
  const PooledMaps maps(view, op.pool(), context.input(0), context.output(0));
  return op.index_dtype() == DType::u8 ? forward_kernel<std::uint8_t>(maps) : forward_kernel<std::int32_t>(maps);
}

// The indices lie as forward's y did; dy is asked to do the same, and so does dx.
std::unique_ptr<Kernel> lower_max_pool2d_grad(LoweringContext& context) {
  const ChannelView view = require_map_view(context, 1);
  context.require(0, context.input(1).layout);
  context.set_layout(0, context.input(1).layout);
  const auto& op = context.op<MaxPool2dOpBase>();
  const PooledMaps maps(view, op.pool(), context.output(0), context.input(0));
  return op.index_dtype() == DType::u8 ? grad_kernel<std::uint8_t>(maps) : grad_kernel<std::int32_t>(maps);
}

}  // namespace

void register_max_pool2d_cpu(KernelTable& table) {
  table.add("max_pool2d", lower_max_pool2d);
  table.add("max_pool2d_grad", lower_max_pool2d_grad);
}

}  // namespace sluice
