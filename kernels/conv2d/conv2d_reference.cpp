#include <algorithm>

#include <sluice/kernels/conv2d/conv2d_ops.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

/// One multiply-add of the convolution, as positions in x, w and y. All three directions walk the same ones.
template <class Visit>
void for_each_tap(const Conv2dOptions& o, const Shape& x, const Shape& w, const Shape& y, const Visit& visit) {
  const std::int64_t per_group = y[1] / o.groups;
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t k = 0; k < y[1]; ++k)
      for (std::int64_t i = 0; i < y[2]; ++i)
        for (std::int64_t j = 0; j < y[3]; ++j)
          for (std::int64_t c = 0; c < w[1]; ++c)
            for (std::int64_t p = 0; p < w[2]; ++p)
              for (std::int64_t q = 0; q < w[3]; ++q) {
                const std::int64_t row = i * o.stride.h - o.padding.h + p * o.dilation.h;
                const std::int64_t column = j * o.stride.w - o.padding.w + q * o.dilation.w;
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                const std::int64_t channel = k / per_group * w[1] + c;
                visit(((n * x[1] + channel) * x[2] + row) * x[3] + column, ((k * w[1] + c) * w[2] + p) * w[3] + q,
                      ((n * y[1] + k) * y[2] + i) * y[3] + j);
              }
}

const double* operand(const Addresses& at, std::size_t i) { return static_cast<const double*>(at.inputs[i]); }

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([o = context.op<Conv2dOpBase>().conv(), x_dims = context.input(0).dims,
                      w_dims = context.input(1).dims, y_dims = context.output(0).dims,
                      bias = context.inputs() == 3](const Addresses& at, const RunContext&) {
    const double *x = operand(at, 0), *w = operand(at, 1);
    auto* y = static_cast<double*>(at.outputs[0]);
    for (std::int64_t i = 0; i < y_dims.elements(); ++i)
      y[i] = bias ? operand(at, 2)[i / (y_dims[2] * y_dims[3]) % y_dims[1]] : 0.0;
    for_each_tap(o, x_dims, w_dims, y_dims,
                 [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) { y[yi] += w[wi] * x[xi]; });
  });
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([o = context.op<Conv2dOpBase>().conv(), x_dims = context.output(0).dims,
                      w_dims = context.input(1).dims,
                      y_dims = context.input(0).dims](const Addresses& at, const RunContext&) {
    const double *dy = operand(at, 0), *w = operand(at, 1);
    auto* dx = static_cast<double*>(at.outputs[0]);
    std::fill_n(dx, x_dims.elements(), 0.0);
    for_each_tap(o, x_dims, w_dims, y_dims,
                 [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) { dx[xi] += w[wi] * dy[yi]; });
  });
}

std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([o = context.op<Conv2dOpBase>().conv(), x_dims = context.input(0).dims,
                      w_dims = context.output(0).dims,
                      y_dims = context.input(1).dims](const Addresses& at, const RunContext&) {
    const double *x = operand(at, 0), *dy = operand(at, 1);
    auto* dw = static_cast<double*>(at.outputs[0]);
    for_each_tap(o, x_dims, w_dims, y_dims,
                 [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) { dw[wi] += x[xi] * dy[yi]; });
  });
}

}  // namespace

void register_conv2d_reference(KernelTable& table) {
  table.add("conv2d", lower_forward);
  table.add("conv2d_grad_input", lower_grad_input);
  table.add("conv2d_grad_weight", lower_grad_weight);
}

}  // namespace sluice
