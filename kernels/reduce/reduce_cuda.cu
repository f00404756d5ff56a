#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/plain_sums_cuda.h>

namespace sluice {
namespace {

/// Extents of a value as samples × elements per sample, padding included; a batch value counts as one sample.
struct Extents {
  std::int64_t samples, per_sample;

  explicit Extents(const LoweredValue& value)
      : samples(value.scope == Scope::sample ? value.dims[0] : 1),
        per_sample(value.padded_elements() / samples) {}
};

/// The samples are the channels of a sum over one sample.
std::unique_ptr<Kernel> lower_sum(LoweringContext& context) {
  require_f32(context);
  // Any layout that keeps samples apart: padding is zero and adds nothing.
  const LoweredValue& x = context.input(0);
  context.require(0, x.scope == Scope::batch || samples_contiguous(x) ? x.layout : Layout());
  context.set_layout(0, Layout());
  const Extents extents(context.input(0));
  const ChannelView view{.channels = extents.samples, .outer = extents.samples, .spatial = extents.per_sample};
  return std::make_unique<cuda::ElementSumsKernel>(cuda::queue(context), view, false);
}

/// y[n][i] = s[n].
template <int width>
__global__ void expand_kernel(std::int64_t packs, std::int64_t row_packs, const float* s, float* y) {
  for (std::int64_t p = cuda::grid_thread(); p < packs; p += cuda::grid_threads()) {
    cuda::Pack<float, width> pack;
    for (int k = 0; k < width; ++k) pack.at[k] = s[p / row_packs];
    reinterpret_cast<cuda::Pack<float, width>*>(y)[p] = pack;
  }
}

std::unique_ptr<Kernel> lower_expand(LoweringContext& context) {
  require_f32(context);
  require_all_plain(context);
  return make_kernel([queue = cuda::queue(context), extents = Extents(context.output(0))](const Addresses& at,
                                                                                          const RunContext&) {
    const auto* s = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    const auto expand = [&](std::int64_t row_packs, void (*kernel)(std::int64_t, std::int64_t, const float*, float*)) {
      cuda::launch(queue, extents.samples * row_packs, kernel, extents.samples * row_packs, row_packs, s, y);
    };
    if (extents.per_sample % 4 == 0)
      expand(extents.per_sample / 4, expand_kernel<4>);
    else
      expand(extents.per_sample, expand_kernel<1>);
  });
}

}  // namespace

void register_reduce_cuda(KernelTable& table) {
  table.add("sum_per_sample", lower_sum);
  table.add("expand_per_sample", lower_expand);
}

}  // namespace sluice
