#include <algorithm>
#include <cmath>

#include <sluice/kernels/batch_norm/batch_norm_functors.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/relu_mask_reference.h>

namespace sluice {
namespace {

/// [N,C,...] plain: element (n, c, s) is at (n·channels + c)·spatial + s.
struct Planes {
  std::int64_t samples, channels, spatial;

  explicit Planes(const LoweredValue& x) : samples(x.dims[0]), channels(x.dims[1]), spatial(1) {
    for (int i = 2; i < x.dims.rank(); ++i) spatial *= x.dims[i];
  }
  /// visit(i, c) for every element.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::int64_t i = 0; i < samples * channels * spatial; ++i) visit(i, i / spatial % channels);
  }
};

const double* input(const Addresses& at, std::size_t i) { return static_cast<const double*>(at.inputs[i]); }
double* output(const Addresses& at) { return static_cast<double*>(at.outputs[0]); }

double mean(const double* moments, std::int64_t channels, std::int64_t c) { return moments[channels + c] / moments[c]; }

double inverse_std(const double* moments, std::int64_t channels, std::int64_t c, double eps) {
  const double m = mean(moments, channels, c);
  return 1 / std::sqrt(at_least_zero(moments[2 * channels + c] / moments[c] - m * m) + eps);
}

std::unique_ptr<Kernel> lower_moments(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([planes = Planes(context.input(0))](const Addresses& at, const RunContext&) {
    const std::int64_t channels = planes.channels;
    double* m = output(at);
    std::fill_n(m, 3 * channels, 0.0);
    planes.for_each([&](std::int64_t i, std::int64_t c) {
      const double x = input(at, 0)[i];
      m[c] += 1;
      m[channels + c] += x;
      m[2 * channels + c] += x * x;
    });
  });
}

std::unique_ptr<Kernel> lower_fixed_moments(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([channels = context.input(0).elements()](const Addresses& at, const RunContext&) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const double m = input(at, 0)[c];
      output(at)[c] = 1;
      output(at)[channels + c] = m;
      output(at)[2 * channels + c] = input(at, 1)[c] + m * m;
    }
  });
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<BatchNormOp>();
  return make_kernel([planes = Planes(context.input(0)), traits = op.traits(), addend = op.has_addend()](
                         const Addresses& at, const RunContext&) {
    const double *x = input(at, 0), *moments = input(at, 1), *scale = input(at, 2), *shift = input(at, 3);
    planes.for_each([&](std::int64_t i, std::int64_t c) {
      const double xhat =
          (x[i] - mean(moments, planes.channels, c)) * inverse_std(moments, planes.channels, c, traits.eps);
      double y = scale[c] * xhat + shift[c];
      if (addend) y += input(at, 4)[i];
      output(at)[i] = traits.relu ? (y < 0 ? 0 : y) : y;
    });
  });
}

/// dy where relu lets it pass, else 0.
double passed(const BatchNormTraits& traits, double dy, double xhat, double scale, double shift) {
  return traits.relu && scale * xhat + shift <= 0 ? 0 : dy;
}

std::unique_ptr<Kernel> lower_grad_sums(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([planes = Planes(context.input(1)), traits = context.op<BatchNormGradSumsOp>().traits()](
                         const Addresses& at, const RunContext&) {
    const std::int64_t channels = planes.channels;
    const double *x = input(at, 1), *moments = input(at, 2), *scale = input(at, 3), *shift = input(at, 4);
    double* sums = output(at);
    std::fill_n(sums, 2 * channels, 0.0);
    planes.for_each([&](std::int64_t i, std::int64_t c) {
      const double xhat = (x[i] - mean(moments, channels, c)) * inverse_std(moments, channels, c, traits.eps);
      const double dy = passed(traits, input(at, 0)[i], xhat, scale[c], shift[c]);
      sums[c] += dy;
      sums[channels + c] += dy * xhat;
    });
  });
}

std::unique_ptr<Kernel> lower_grad_parameter(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([row = context.op<BatchNormGradParameterOp>().row(), channels = context.output(0).elements()](
                         const Addresses& at, const RunContext&) {
    for (std::int64_t c = 0; c < channels; ++c) output(at)[c] += input(at, 0)[row * channels + c];
  });
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  require_all_plain(context);
  const auto& op = context.op<BatchNormGradInputOp>();
  return make_kernel([planes = Planes(context.input(1)), traits = op.traits(), has_sums = op.has_sums()](
                         const Addresses& at, const RunContext&) {
    const std::int64_t channels = planes.channels;
    const double *x = input(at, 1), *moments = input(at, 2), *scale = input(at, 3), *shift = input(at, 4);
    planes.for_each([&](std::int64_t i, std::int64_t c) {
      const double inverse = inverse_std(moments, channels, c, traits.eps);
      const double xhat = (x[i] - mean(moments, channels, c)) * inverse;
      double dy = passed(traits, input(at, 0)[i], xhat, scale[c], shift[c]);
      if (has_sums) {
        const double *sums = input(at, 5), n = moments[c];
        dy -= sums[c] / n + xhat * sums[channels + c] / n;
      }
      output(at)[i] = scale[c] * inverse * dy;
    });
  });
}

std::unique_ptr<Kernel> lower_update(LoweringContext& context) {
  require_all_plain(context);
  return make_kernel([running = RunningStatistic{context.op<BatchNormUpdateOp>().momentum()},
                      channels = context.input(0).elements()](const Addresses& at, const RunContext&) {
    const double* moments = input(at, 2);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double n = moments[c], sum = moments[channels + c], squares = moments[2 * channels + c];
      running(static_cast<double*>(at.inputs[0])[c], sum / n);
      running(static_cast<double*>(at.inputs[1])[c], unbiased_variance(n, sum, squares));
    }
  });
}

}  // namespace

void register_batch_norm_reference(KernelTable& table) {
  table.add("batch_moments", lower_moments);
  table.add("fixed_moments", lower_fixed_moments);
  table.add("batch_norm", reference::with_relu_mask(lower_forward), {DType::bit});
  table.add("batch_norm_grad_sums", lower_grad_sums);
  table.add("batch_norm_grad_parameter", lower_grad_parameter);
  table.add("batch_norm_grad_input", lower_grad_input);
  table.add("batch_norm_update", lower_update);
}

}  // namespace sluice
