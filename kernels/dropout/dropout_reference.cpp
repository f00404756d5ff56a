#include <sluice/core/philox.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/dropout/dropout_functors.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

std::unique_ptr<Kernel> lower_dropout(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<DropoutOp>();
  const Shape& dims = context.input(0).dims;
  const std::int64_t samples = dims[0], channels = dims[1], spatial = dims.elements() / (samples * channels);
  return make_kernel([=, f = DropoutFunctor(op.rate()), id = op.id()](const Addresses& at, const RunContext& run) {
    const auto* x = static_cast<const double*>(at.inputs[0]);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t n = 0; n < samples; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t s = 0; s < spatial; ++s) {
          const std::int64_t element = s * channels + c, i = (n * channels + c) * spatial + s;
          const Philox::Block block =
              Philox::at(run.seed, run.step, id, static_cast<std::uint32_t>(run.first_sample + n),
                         static_cast<std::uint32_t>(element / 4));
          y[i] = f(x[i], block.v[element % 4]);
        }
      }
    }
  });
}

}  // namespace

void register_dropout_reference(KernelTable& table) { table.add("dropout", lower_dropout); }

}  // namespace sluice
