#include <sluice/kernels/normalize/normalize.h>
#include <sluice/kernels/normalize/normalize_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

template <class Pixel>
std::unique_ptr<Kernel> lower(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<NormalizeOp>();
  const Shape& dims = context.input(0).dims;
  const std::int64_t planes = dims[0] * dims[1], plane = dims.elements() / planes;
  std::vector<NormalizeFunctor<double>> channels;
  for (std::int64_t c = 0; c < dims[1]; ++c) channels.push_back({op.factor(c), op.offset(c)});
  return make_kernel([=](const Addresses& at, const RunContext&) {
    for (std::int64_t i = 0; i < planes * plane; ++i)
      static_cast<double*>(at.outputs[0])[i] =
          channels[static_cast<std::size_t>(i / plane) % channels.size()](static_cast<const Pixel*>(at.inputs[0])[i]);
  });
}

}  // namespace

void register_normalize_reference(KernelTable& table) {
  table.add("normalize", [](LoweringContext& context) {
    return context.input(0).dtype == DType::u8 ? lower<std::uint8_t>(context) : lower<double>(context);
  });
}

}  // namespace sluice
