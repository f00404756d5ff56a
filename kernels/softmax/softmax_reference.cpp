#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/softmax/softmax_functors.h>

namespace sluice {
namespace {

/// A kernel that does `body(addresses, offset, channels, stride)` for one position after the other.
template <class Body>
KernelFactory per_position(Body body) {
  return [=](LoweringContext& context) {
    require_all_plain(context);
    const Shape& dims = context.input(0).dims;
    const std::int64_t samples = dims[0], channels = dims[1], positions = dims.elements() / (samples * channels);
    return make_kernel([=](const Addresses& at, const RunContext&) {
      for (std::int64_t n = 0; n < samples; ++n)
        for (std::int64_t p = 0; p < positions; ++p) body(at, n * channels * positions + p, channels, positions);
    });
  };
}

const double* input(const Addresses& at, std::size_t i) { return static_cast<const double*>(at.inputs[i]); }
double* output(const Addresses& at) { return static_cast<double*>(at.outputs[0]); }

}  // namespace

void register_softmax_reference(KernelTable& table) {
  table.add("softmax",
            per_position([](const Addresses& at, std::int64_t i, std::int64_t channels, std::int64_t stride) {
              softmax_at(input(at, 0) + i, output(at) + i, channels, stride);
            }));
  table.add("softmax_grad",
            per_position([](const Addresses& at, std::int64_t i, std::int64_t channels, std::int64_t stride) {
              softmax_grad_at(input(at, 0) + i, input(at, 1) + i, output(at) + i, channels, stride);
            }));
}

}  // namespace sluice
