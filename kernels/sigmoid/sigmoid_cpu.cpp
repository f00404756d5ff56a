#include <algorithm>

#include <sluice/kernels/cpu/exp.h>
#include <sluice/kernels/shared/channel_view.h>
#include <sluice/kernels/shared/map_cpu.h>
#include <sluice/kernels/sigmoid/sigmoid_functors.h>

namespace sluice {
namespace {

constexpr std::int64_t sigmoid_grain = 1 << 13;  // elements a thread should have at least: about 10 µs of work

// Outputs may share the address of an input; omp simd says that equal addresses at equal i are fine.
SLUICE_CLONES void sigmoid_range(const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = SigmoidFunctor<cpu::Exp>{}(x[i]);
}

// From a zero of y and a zero of dy it makes a zero again.
SLUICE_CLONES void sigmoid_grad_range(const float* y, const float* dy, float* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) dx[i] = SigmoidGradFunctor{}(y[i], dy[i]);
}

/// Zeroes the lanes past the last channel in rows [begin, end) of [samples][outer][spatial], each `inner` long.
void clear_padding(const ChannelView& v, float* y, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end;) {
    const std::int64_t block = row / v.spatial, stop = std::min(end, (block + 1) * v.spatial);
    const std::int64_t valid = v.valid(block % v.outer);
    if (valid < v.inner)
      for (std::int64_t i = row; i < stop; ++i) std::fill(y + i * v.inner + valid, y + (i + 1) * v.inner, 0.0f);
    row = stop;
  }
}

/// The value as rows whose padding can be found: where it has none, as one column.
std::optional<ChannelView> rows_of(const LoweredValue& value) {
  const std::int64_t elements = value.elements();
  return value.padded_elements() == elements ? ChannelView{.spatial = elements} : channel_view(value);
}

// Padding holds zeros, of which sigmoid makes one half: it is computed with the rest, and cleared row by row while it
// is in the cache.
std::unique_ptr<Kernel> lower_sigmoid(LoweringContext& context) {
  share_layout(context, {0});
  if (!rows_of(context.output(0))) require_all_plain(context);
  return make_kernel([v = *rows_of(context.output(0))](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    const std::int64_t rows = v.samples * v.outer * v.spatial;
    cpu::parallel_for(rows, sigmoid_grain / v.inner + 1, [=](std::int64_t begin, std::int64_t end) {
      sigmoid_range(x + begin * v.inner, y + begin * v.inner, (end - begin) * v.inner);
      clear_padding(v, y, begin, end);
    });
  });
}

}  // namespace

void register_sigmoid_cpu(KernelTable& table) {
  table.add("sigmoid", lower_sigmoid);
  table.add("sigmoid_grad", [](LoweringContext& c) { return cpu::lower_map2(c, sigmoid_grad_range, sigmoid_grain); });
}

}  // namespace sluice
