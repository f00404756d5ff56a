#include <sluice/kernels/add_relu/add_relu_functors.h>
#include <sluice/kernels/cpu/binary.h>
#include <sluice/kernels/cpu/parallel.h>

namespace sluice {
namespace {

SLUICE_CLONES void add_relu_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(AddReluFunctor{}, a, b, y, count);
}

}  // namespace

void register_add_relu_cpu(KernelTable& table) {
  table.add("add_relu", [](LoweringContext& context) {
    return cpu::lower_binary(context, add_relu_range, context.input(0).dims == context.input(1).dims);
  });
}

}  // namespace sluice
