#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// Distance in memory between the rows and between the columns of a matrix.
struct Strides {
  std::int64_t rows, columns;
};

/// to[i,j] += Σ_k a[i,k] · b[k,j].
void multiply_add(const double* a, Strides a_strides, const double* b, Strides b_strides, double* to, std::int64_t rows,
                  std::int64_t columns, std::int64_t depth) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      for (std::int64_t k = 0; k < depth; ++k)
        to[i * columns + j] +=
            a[i * a_strides.rows + k * a_strides.columns] * b[k * b_strides.rows + j * b_strides.columns];
}

const double* operand(const Addresses& at, std::size_t i) { return static_cast<const double*>(at.inputs[i]); }
double* result(const Addresses& at) { return static_cast<double*>(at.outputs[0]); }

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.output(0).dims[1];
  return make_kernel([=, bias = context.inputs() == 3](const Addresses& at, const RunContext&) {
    for (std::int64_t i = 0; i < n * o; ++i) result(at)[i] = bias ? operand(at, 2)[i % o] : 0.0;
    multiply_add(operand(at, 0), {f, 1}, operand(at, 1), {1, f}, result(at), n, o, f);
  });
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], o = context.input(0).dims[1], f = context.output(0).dims[1];
  return make_kernel([=](const Addresses& at, const RunContext&) {
    for (std::int64_t i = 0; i < n * f; ++i) result(at)[i] = 0.0;
    multiply_add(operand(at, 0), {o, 1}, operand(at, 1), {f, 1}, result(at), n, f, o);
  });
}

std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.input(1).dims[1];
  return make_kernel([=](const Addresses& at, const RunContext&) {
    multiply_add(operand(at, 1), {1, o}, operand(at, 0), {f, 1}, result(at), o, f, n);
  });
}

}  // namespace

void register_linear_reference(KernelTable& table) {
  table.add("linear", lower_forward);
  table.add("linear_grad_input", lower_grad_input);
  table.add("linear_grad_weight", lower_grad_weight);
}

}  // namespace sluice
