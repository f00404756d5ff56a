#include <sluice/core/error.h>
#include <sluice/kernels/batch_norm/batch_norm_cuda_passes.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

using cuda::ChannelCoefficients;
using cuda::ChannelInputs;
using cuda::Queue;

std::size_t coefficient_bytes(const ChannelView& view, int rows) {
  return static_cast<std::size_t>(rows * view.padded_channels()) * sizeof(float);
}

/// Σx and Σx² beside n.
struct FinishMoments {
  double* moments;
  std::int64_t channels;
  double count;

  __device__ void operator()(std::int64_t c, const double (&sums)[2]) const {
    moments[c] = count;
    moments[channels + c] = sums[0];
    moments[2 * channels + c] = sums[1];
  }
};

/// Σdy and, from Σdy·(x − center), Σdy·x̂.
struct FinishGradSums {
  ChannelInputs in;
  ChannelCoefficients coefficients;
  double* to;

  __device__ void operator()(std::int64_t c, const double (&sums)[2]) const {
    const ChannelStatistics s = in.statistics(c);
    const double center = static_cast<double>(coefficients.at(c).center);
    to[c] = sums[0];
    to[in.channels + c] = s.inverse_std * (sums[1] + (center - s.mean) * sums[0]);
  }
};

class MomentsKernel final : public Kernel {
 public:
  MomentsKernel(const Queue& queue, const ChannelView& view) : view_(view), sums_(queue, view) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }

  void run(const RunContext&) override {
    const FinishMoments finish{out<double>(0), view_.channels, static_cast<double>(view_.samples * view_.spatial)};
    sums_.run(workspace<double>(), cuda::MomentTerms{}, finish, in<float>(0));
  }

 private:
  ChannelView view_;
  cuda::ChannelSums<2> sums_;
};

/// What forward and both gradients share: the coefficients of the channels, which lie in the workspace.
class NormalizingKernel : public Kernel {
 protected:
  NormalizingKernel(const Queue& queue, const ChannelView& view, const BatchNormTraits& traits)
      : queue_(queue),
        view_(view),
        traits_(traits) {}

  /// `first`: the input that the moments are; scale and shift follow, and for dx the sums.
  ChannelInputs channel_inputs(int first, bool has_sums) const {
    return {.moments = in<double>(first),
            .scale = in<float>(first + 1),
            .shift = in<float>(first + 2),
            .sums = has_sums ? in<double>(first + 3) : nullptr,
            .eps = traits_.eps,
            .channels = view_.channels,
            .padded_channels = view_.padded_channels()};
  }

  template <int rows>
  ChannelCoefficients make_coefficients(const ChannelInputs& inputs, float* to) const {
    cuda::launch(queue_, view_.padded_channels(), cuda::coefficients_kernel<rows>, inputs, to);
    return {to, view_.padded_channels()};
  }

  std::int64_t elements() const { return view_.samples * view_.spatial * view_.padded_channels(); }

  Queue queue_;
  ChannelView view_;
  BatchNormTraits traits_;
};

class ForwardKernel final : public NormalizingKernel {
 public:
  ForwardKernel(const Queue& queue, const ChannelView& view, const BatchNormOp& op)
      : NormalizingKernel(queue, view, op.traits()),
        has_addend_(op.has_addend()) {}

  std::size_t workspace_bytes() const override { return coefficient_bytes(view_, ChannelCoefficients::forward_rows); }

  void run(const RunContext&) override {
    const auto coefficients =
        make_coefficients<ChannelCoefficients::forward_rows>(channel_inputs(1, false), workspace<float>());
    cuda::with_packs(view_, [&](auto shape) {
      using Shape = decltype(shape);
      const auto kernel =
          has_addend_
              ? (traits_.relu ? cuda::normalize_kernel<Shape, true, true> : cuda::normalize_kernel<Shape, true, false>)
              : (traits_.relu ? cuda::normalize_kernel<Shape, false, true>
                              : cuda::normalize_kernel<Shape, false, false>);
      cuda::launch(queue_, elements() / Shape::width, kernel, view_, coefficients, in<float>(0),
                   has_addend_ ? in<float>(4) : nullptr, out<float>(0),
                   has_addend_ && traits_.relu ? out<std::uint32_t>(1) : nullptr);
    });
  }

 private:
  bool has_addend_;
};

class GradSumsKernel final : public NormalizingKernel {
 public:
  GradSumsKernel(const Queue& queue, const ChannelView& view, const BatchNormTraits& traits)
      : NormalizingKernel(queue, view, traits),
        sums_(queue, view) {}

  std::size_t workspace_bytes() const override {
    return sums_.workspace_bytes() + coefficient_bytes(view_, ChannelCoefficients::forward_rows);
  }

  void run(const RunContext&) override {
    const ChannelInputs inputs = channel_inputs(2, false);
    auto* const to = reinterpret_cast<float*>(workspace<std::byte>() + sums_.workspace_bytes());
    const auto coefficients = make_coefficients<ChannelCoefficients::forward_rows>(inputs, to);
    const FinishGradSums finish{inputs, coefficients, out<double>(0)};
    if (traits_.relu)
      sums_.run(workspace<double>(), cuda::GradTerms<true>{coefficients}, finish, in<float>(0), in<float>(1));
    else
      sums_.run(workspace<double>(), cuda::GradTerms<false>{coefficients}, finish, in<float>(0), in<float>(1));
  }

 private:
  cuda::ChannelSums<2> sums_;
};

class GradInputKernel final : public NormalizingKernel {
 public:
  GradInputKernel(const Queue& queue, const ChannelView& view, const BatchNormGradInputOp& op)
      : NormalizingKernel(queue, view, op.traits()),
        has_sums_(op.has_sums()) {}

  std::size_t workspace_bytes() const override { return coefficient_bytes(view_, ChannelCoefficients::gradient_rows); }

  void run(const RunContext&) override {
    const auto coefficients =
        make_coefficients<ChannelCoefficients::gradient_rows>(channel_inputs(2, has_sums_), workspace<float>());
    cuda::with_packs(view_, [&](auto shape) {
      using Shape = decltype(shape);
      const auto kernel = has_sums_ ? (traits_.relu ? cuda::normalize_grad_kernel<Shape, true, true>
                                                    : cuda::normalize_grad_kernel<Shape, false, true>)
                                    : (traits_.relu ? cuda::normalize_grad_kernel<Shape, true, false>
                                                    : cuda::normalize_grad_kernel<Shape, false, false>);
      cuda::launch(queue_, elements() / Shape::width, kernel, view_, coefficients, in<float>(0), in<float>(1),
                   out<float>(0));
    });
  }

 private:
  bool has_sums_;
};

__global__ void fixed_moments_kernel(std::int64_t channels, const float* mean, const float* variance, double* moments) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  for (std::int64_t c = blockIdx.x * block + threadIdx.x; c < channels; c += threads) {
    const double m = static_cast<double>(mean[c]);
    moments[c] = 1;
    moments[channels + c] = m;
    moments[2 * channels + c] = static_cast<double>(variance[c]) + m * m;
  }
}

__global__ void add_row_kernel(std::int64_t channels, const double* row, float* gradient) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  for (std::int64_t c = blockIdx.x * block + threadIdx.x; c < channels; c += threads)
    gradient[c] += static_cast<float>(row[c]);
}

__global__ void update_kernel(std::int64_t channels, RunningStatistic running, const double* moments, float* mean,
                              float* variance) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block;
  for (std::int64_t c = blockIdx.x * block + threadIdx.x; c < channels; c += threads) {
    const double n = moments[c], sum = moments[channels + c], squares = moments[2 * channels + c];
    running(mean[c], sum / n);
    running(variance[c], unbiased_variance(n, sum, squares));
  }
}

/// Throws BackendError unless activations and numbers of the channels are f32; moments and sums are always f64.
void require_f32_beside_sums(const LoweringContext& context) {
  const auto check = [&](const LoweredValue& value) {
    if (value.dtype != DType::f32 && value.dtype != DType::f64 && value.dtype != DType::bit)
      throw BackendError(std::string(context.op().type()) + ": this device has no kernel for the dtype; got " +
                         std::string(name(value.dtype)) + "; expected f32, and f64 for sums");
  };
  for (int i = 0; i < context.inputs(); ++i) check(context.input(i));
  for (int o = 0; o < context.outputs(); ++o) check(context.output(o));
}

std::unique_ptr<Kernel> lower_moments(LoweringContext& context) {
  require_f32_beside_sums(context);
  const ChannelView view = require_channel_view(context, 0);
  return std::make_unique<MomentsKernel>(cuda::queue(context), view);
}

std::unique_ptr<Kernel> lower_fixed_moments(LoweringContext& context) {
  require_f32_beside_sums(context);
  require_all_plain(context);
  return make_kernel(
      [queue = cuda::queue(context), channels = context.input(0).elements()](const Addresses& at, const RunContext&) {
        cuda::launch(queue, channels, fixed_moments_kernel, channels, static_cast<const float*>(at.inputs[0]),
                     static_cast<const float*>(at.inputs[1]), static_cast<double*>(at.outputs[0]));
      });
}

/// Asks that inputs `first` and `alike` (-1: there is none) lie alike, in a form that passes over channels can walk,
/// and the rest plain.
ChannelView channel_operands(LoweringContext& context, int first, int alike) {
  require_f32_beside_sums(context);
  const ChannelView view = require_channel_view(context, first);
  for (int i = 0; i < context.inputs(); ++i)
    if (i != first) context.require(i, i == alike ? context.input(first).layout : Layout());
  return view;
}

std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  const auto& op = context.op<BatchNormOp>();
  const ChannelView view = channel_operands(context, 0, op.has_addend() ? 4 : -1);
  for (int o = 0; o < context.outputs(); ++o) context.set_layout(o, context.input(0).layout);
  return std::make_unique<ForwardKernel>(cuda::queue(context), view, op);
}

std::unique_ptr<Kernel> lower_grad_sums(LoweringContext& context) {
  const ChannelView view = channel_operands(context, 1, 0);
  return std::make_unique<GradSumsKernel>(cuda::queue(context), view, context.op<BatchNormGradSumsOp>().traits());
}

std::unique_ptr<Kernel> lower_grad_parameter(LoweringContext& context) {
  require_f32_beside_sums(context);
  require_all_plain(context);
  return make_kernel([queue = cuda::queue(context), row = context.op<BatchNormGradParameterOp>().row(),
                      channels = context.output(0).elements()](const Addresses& at, const RunContext&) {
    cuda::launch(queue, channels, add_row_kernel, channels, static_cast<const double*>(at.inputs[0]) + row * channels,
                 static_cast<float*>(at.outputs[0]));
  });
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  const ChannelView view = channel_operands(context, 1, 0);
  context.set_layout(0, context.input(1).layout);
  return std::make_unique<GradInputKernel>(cuda::queue(context), view, context.op<BatchNormGradInputOp>());
}

std::unique_ptr<Kernel> lower_update(LoweringContext& context) {
  require_f32_beside_sums(context);
  require_all_plain(context);
  return make_kernel([queue = cuda::queue(context),
                      running = RunningStatistic{context.op<BatchNormUpdateOp>().momentum()},
                      channels = context.input(0).elements()](const Addresses& at, const RunContext&) {
    cuda::launch(queue, channels, update_kernel, channels, running, static_cast<const double*>(at.inputs[2]),
                 static_cast<float*>(at.inputs[0]), static_cast<float*>(at.inputs[1]));
  });
}

}  // namespace

void register_batch_norm_cuda(KernelTable& table) {
  table.add("batch_moments", lower_moments, {DType::f64});
  table.add("fixed_moments", lower_fixed_moments, {DType::f64});
  table.add("batch_norm", lower_forward, {DType::f64, DType::bit});
  table.add("batch_norm_grad_sums", lower_grad_sums, {DType::f64});
  table.add("batch_norm_grad_parameter", lower_grad_parameter, {DType::f64});
  table.add("batch_norm_grad_input", lower_grad_input, {DType::f64});
  table.add("batch_norm_update", lower_update, {DType::f64});
}

}  // namespace sluice
