#include <sluice/core/error.h>
#include <sluice/core/program.h>
#include <sluice/kernels/conv2d/conv2d_ops.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/cudnn/convolution_plan.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/relu_mask_cuda.h>

namespace sluice {
namespace {

using cudnn::Convolution;
using cudnn::ConvolutionOperands;
using cudnn::ConvolutionPlan;
using cudnn::Direction;

/// x, w and y mean forward's input, weights and result in every direction.
Convolution convolution(const LoweringContext& context, Direction direction, const Shape& x, const Shape& w,
                        const Shape& y) {
  require_f32(context);
  const Conv2dOptions& options = context.op<Conv2dOpBase>().conv();
  return {.direction = direction,
          .n = x[0],
          .c = x[1],
          .k = w[0],
          .groups = options.groups,
          .in = {x[2], x[3]},
          .kernel = {w[2], w[3]},
          .out = {y[2], y[3]},
          .stride = options.stride,
          .padding = options.padding,
          .dilation = options.dilation};
}

/// A kernel that is one of cuDNN's plans.
class PlanKernel : public Kernel {
 public:
  explicit PlanKernel(std::shared_ptr<ConvolutionPlan> plan) : plan_(std::move(plan)) {}

  std::size_t workspace_bytes() const override { return plan_->workspace_bytes(); }
  std::string algorithm() const override { return plan_->algorithm(); }
  double work() const override { return plan_->work(); }
  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    plan_->prepare(operands());
  }
  void run(const RunContext&) override { plan_->run(operands()); }

 protected:
  virtual ConvolutionOperands operands() const = 0;

 private:
  std::shared_ptr<ConvolutionPlan> plan_;
};

class Forward final : public PlanKernel {
 public:
  using PlanKernel::PlanKernel;

 protected:
  ConvolutionOperands operands() const override {
    const auto& [inputs, outputs, workspace] = addresses_;
    return {inputs[0], inputs[1], outputs[0], inputs.size() == 3 ? inputs[2] : nullptr, workspace};
  }
};

class GradInput final : public PlanKernel {
 public:
  using PlanKernel::PlanKernel;

 protected:
  ConvolutionOperands operands() const override {
    const auto& [inputs, outputs, workspace] = addresses_;
    return {outputs[0], inputs[1], inputs[0], nullptr, workspace};
  }
};

struct Add {
  SLUICE_HOST_DEVICE float operator()(float sum, float part) const { return sum + part; }
};

/// sum[k][c][tap] += part[k][tap][c].
__global__ void add_to_plain_kernel(std::int64_t count, std::int64_t channels, std::int64_t taps, const float* part,
                                    float* sum) {
  for (std::int64_t i = cuda::grid_thread(); i < count; i += cuda::grid_threads()) {
    const std::int64_t tap = i % taps, c = i / taps % channels, k = i / taps / channels;
    sum[i] += part[(k * taps + tap) * channels + c];
  }
}

/// cuDNN writes the micro-batch's part to the workspace, in front of its own; it is then added to the gradient.
class GradWeight final : public PlanKernel {
 public:
  GradWeight(std::shared_ptr<ConvolutionPlan> plan, const cuda::Queue& queue, const LoweredValue& dw)
      : PlanKernel(std::move(plan)),
        queue_(queue),
        elements_(dw.dims.elements()),
        channels_(dw.dims[1]),
        taps_(dw.dims[2] * dw.dims[3]),
        plain_(dw.layout.is_plain()),
        part_bytes_(aligned(dw.bytes())) {}

  std::size_t workspace_bytes() const override { return part_bytes_ + PlanKernel::workspace_bytes(); }

  void run(const RunContext& context) override {
    PlanKernel::run(context);
    const auto* const part = workspace<float>();
    auto* const sum = out<float>(0);
    if (plain_)
      cuda::launch(queue_, elements_, add_to_plain_kernel, elements_, channels_, taps_, part, sum);
    else
      cuda::map(queue_, elements_, Add{}, sum, static_cast<const float*>(sum), part);
  }

 protected:
  ConvolutionOperands operands() const override {
    const auto& [inputs, outputs, workspace] = addresses_;
    return {inputs[0], workspace, inputs[1], nullptr, static_cast<std::byte*>(workspace) + part_bytes_};
  }

 private:
  cuda::Queue queue_;
  std::int64_t elements_, channels_, taps_;
  bool plain_;  ///< the gradient; the part is channels last
  std::size_t part_bytes_;
};

/// With the relu of a second op only where cuDNN does it in the same pass: another one for it would have to be followed
/// by one for its mask.
std::unique_ptr<Kernel> lower_forward(LoweringContext& context) {
  Convolution conv =
      convolution(context, Direction::forward, context.input(0).dims, context.input(1).dims, context.output(0).dims);
  conv.bias = context.inputs() == 3;
  conv.relu = context.second() != nullptr;
  std::shared_ptr<ConvolutionPlan> plan = cudnn::plan(context, conv);
  if (!plan) return nullptr;
  context.require(0, Layout::channels_last());
  context.require(1, Layout::channels_last());
  if (conv.bias) context.require_plain(2);
  context.set_layout(0, Layout::channels_last());
  return std::make_unique<Forward>(std::move(plan));
}

std::unique_ptr<Kernel> lower_grad_input(LoweringContext& context) {
  const Convolution conv = convolution(context, Direction::backward_data, context.output(0).dims, context.input(1).dims,
                                       context.input(0).dims);
  context.require(0, Layout::channels_last());
  context.require(1, Layout::channels_last());
  context.set_layout(0, Layout::channels_last());
  return std::make_unique<GradInput>(cudnn::plan(context, conv));
}

std::unique_ptr<Kernel> lower_grad_weight(LoweringContext& context) {
  const Convolution conv = convolution(context, Direction::backward_filter, context.input(0).dims,
                                       context.output(0).dims, context.input(1).dims);
  context.require(0, Layout::channels_last());
  context.require(1, Layout::channels_last());
  // Gradients of parameters lie as those do. Others, which nobody reads as weights, may have been given a plain place.
  const bool plain = context.output(0).pinned && context.output(0).layout.is_plain();
  context.set_layout(0, plain ? Layout() : Layout::channels_last());
  return std::make_unique<GradWeight>(cudnn::plan(context, conv), cuda::queue(context), context.output(0));
}

}  // namespace

void register_conv2d_cuda(KernelTable& table) {
  table.add("conv2d", lower_forward, {}, "cuDNN");
  table.add("conv2d_grad_input", lower_grad_input, {}, "cuDNN");
  table.add("conv2d_grad_weight", lower_grad_weight, {}, "cuDNN");
  table.add_fusion(
      "conv2d", "relu",
      {.both = lower_forward, .rest = cuda::lower_relu_mask, .rest_name = "relu_mask", .library = "cuDNN"});
}

}  // namespace sluice
