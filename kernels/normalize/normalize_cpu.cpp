#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/normalize/normalize.h>
#include <sluice/kernels/normalize/normalize_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

SLUICE_CLONES void normalize_range(NormalizeFunctor<float> f, const std::uint8_t* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
}
SLUICE_CLONES void normalize_range(NormalizeFunctor<float> f, const float* x, float* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
}

template <class Pixel>
std::unique_ptr<Kernel> lower(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<NormalizeOp>();
  const Shape& dims = context.input(0).dims;
  const std::int64_t planes = dims[0] * dims[1], plane = dims.elements() / planes;
  std::vector<NormalizeFunctor<float>> channels;
  for (std::int64_t c = 0; c < dims[1]; ++c)
    channels.push_back({static_cast<float>(op.factor(c)), static_cast<float>(op.offset(c))});
  return make_kernel([=](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const Pixel*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(planes, std::max<std::int64_t>(1, 16384 / plane), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        normalize_range(channels[static_cast<std::size_t>(i) % channels.size()], x + i * plane, y + i * plane, plane);
    });
  });
}

}  // namespace

void register_normalize_cpu(KernelTable& table) {
  table.add("normalize", [](LoweringContext& context) {
    return context.input(0).dtype == DType::u8 ? lower<std::uint8_t>(context) : lower<float>(context);
  });
}

}  // namespace sluice
