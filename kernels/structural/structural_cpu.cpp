#include <algorithm>

#include <sluice/core/error.h>
#include <sluice/kernels/arithmetic/arithmetic_functors.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/binary_cpu.h>
#include <sluice/kernels/shared/column_sums_cpu.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/structural/structural_copies.h>

namespace sluice {
namespace {

SLUICE_CLONES void add_range(cpu::Operand a, cpu::Operand b, float* y, std::int64_t count) {
  cpu::binary_range(AddFunctor{}, a, b, y, count);
}
SLUICE_CLONES void scale_by_range(cpu::Operand x, cpu::Operand s, float* y, std::int64_t count) {
  cpu::binary_range(MulFunctor{}, x, s, y, count);
}

constexpr std::int64_t column_tile = 512;  // columns summed together: 4 KiB of doubles on the stack

/// total[i] += Σ over rows of x[row][i] for `count` <= column_tile columns, in double.
void add_rows(const float* x, std::int64_t rows, std::int64_t stride, float* total, std::int64_t count) {
  double sums[column_tile];
  std::fill_n(sums, count, 0.0);
  cpu::add_rows(x, rows, stride, sums, count);
  for (std::int64_t i = 0; i < count; ++i) total[i] += static_cast<float>(sums[i]);
}

std::unique_ptr<Kernel> lower_add(LoweringContext& context) {
  // A batch scalar has the shape of a sample value [N] only; both are plain then.
  return cpu::lower_binary(context, add_range, context.input(0).dims == context.input(1).dims);
}

std::unique_ptr<Kernel> lower_scale_by(LoweringContext& context) {
  if (context.input(0).dtype == DType::f64) {
    require_all_plain(context);
    return make_kernel([count = context.output(0).elements()](const Addresses& at, const RunContext&) {
      const auto* x = static_cast<const double*>(at.inputs[0]);
      const double factor = *static_cast<const float*>(at.inputs[1]);
      auto* y = static_cast<double*>(at.outputs[0]);
      for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * factor;
    });
  }
  require_f32(context);
  return cpu::lower_binary(context, scale_by_range, true);
}

/// Sums of by-products: few numbers, in double.
std::unique_ptr<Kernel> lower_by_product_sum(LoweringContext& context) {
  if (context.input(0).dtype != DType::f64)
    throw BackendError("batch_sum: by-products are summed in double; got " + std::string(name(context.input(0).dtype)));
  return make_kernel([count = context.output(0).elements()](const Addresses& at, const RunContext&) {
    const auto* part = static_cast<const double*>(at.inputs[0]);
    auto* total = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < count; ++i) total[i] += part[i];
  });
}

std::unique_ptr<Kernel> lower_batch_sum(LoweringContext& context) {
  require_all_plain(context);
  if (context.input(0).dims == context.output(0).dims) return lower_by_product_sum(context);
  require_f32(context);
  const std::int64_t rows = context.input(0).dims[0], columns = context.output(0).elements();
  return make_kernel([rows, columns](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* total = static_cast<float*>(at.outputs[0]);
    const std::int64_t grain = std::max<std::int64_t>(64, 16384 / rows);
    cpu::parallel_for(columns, grain, [=](std::int64_t begin, std::int64_t end) {
      for (; begin < end; begin += column_tile)
        add_rows(x + begin, rows, columns, total + begin, std::min(column_tile, end - begin));
    });
  });
}

}  // namespace

void register_structural_cpu(KernelTable& table) {
  table.add("add", lower_add);
  table.add("scale_by", lower_scale_by, {DType::f64});
  table.add("batch_sum", lower_batch_sum, {DType::f64});
  register_structural_copies(table);
}

}  // namespace sluice
