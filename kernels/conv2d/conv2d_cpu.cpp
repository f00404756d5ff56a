#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/kernels/conv2d/conv2d_ops.h>
#include <sluice/kernels/onednn/onednn.h>
#include <sluice/kernels/shared/padding_cpu.h>

namespace sluice {
namespace {

using dnnl::algorithm;
using onednn::layout_of;

onednn::Convolution convolution(const Conv2dOptions& options, const LoweredValue& x, const LoweredValue& w,
                                const LoweredValue& y) {
  return {.x = onednn::any_layout(x),
          .w = onednn::any_layout(w, options.groups),
          .b = {},
          .y = onednn::any_layout(y),
          .stride = {options.stride.h, options.stride.w},
          .dilation = {options.dilation.h, options.dilation.w},
          .padding = {options.padding.h, options.padding.w}};
}

/// Whether Winograd's 4x4 output tiles pay. It transforms all weights on every call, which takes tiles to earn back
/// (measured: up to 3x slower below 64 tiles, up to 2.5x faster above), and it fills up to 16 channels, where direct
/// convolution reads a plain image of few channels as it is.
bool winograd_pays(const Conv2dOptions& options, const Shape& w, const Shape& y) {
  const bool applies =
      w[2] == 3 && w[3] == 3 && options.stride == Size2d(1) && options.dilation == Size2d(1) && options.groups == 1;
  const std::int64_t tiles = y[0] * ((y[2] + 3) / 4) * ((y[3] + 3) / 4);
  return applies && w[0] >= 16 && w[1] >= 16 && tiles >= 64;
}

/// Winograd where it pays, exists (AVX-512), loses no digits that were asked for and its scratch, megabytes a layer, is
/// allowed; direct convolution otherwise.
template <class Describe>
auto choose(const LoweringContext& context, const Shape& w, const Shape& y, Describe describe) {
  const bool strict = context.backend().precision() == Precision::strict;
  auto winograd =
      strict ? decltype(describe(algorithm::convolution_winograd))() : describe(algorithm::convolution_winograd);
  if (winograd && onednn::scratchpad_bytes(winograd) <= context.workspace_cap_bytes()) {
    const bool pays = winograd_pays(context.op<Conv2dOpBase>().conv(), w, y);
    if (context.choose({"direct", "winograd"}, pays ? "winograd" : "direct") == "winograd") return winograd;
  }
  auto direct = describe(algorithm::convolution_direct);
  if (!direct)
    throw BackendError(std::string(context.op().type()) + ": oneDNN has no convolution; got " + context.op().options() +
                       ", w=" + w.str() + "; expected one it implements");
  return direct;
}

std::unique_ptr<Kernel> lower_conv2d(LoweringContext& context) {
  const Conv2dOptions& options = context.op<Conv2dOpBase>().conv();
  const bool bias = context.inputs() == 3;
  onednn::Convolution conv = convolution(options, context.input(0), context.input(1), context.output(0));
  if (bias) {
    context.require_plain(2);
    conv.b = onednn::descriptor(context.input(2));
  }
  const auto pd = choose(context, context.input(1).dims, context.output(0).dims,
                         [&](algorithm a) { return onednn::forward(conv, a); });
  context.require(0, layout_of(pd.src_desc()));
  context.require(1, layout_of(pd.weights_desc(), options.groups));
  context.set_layout(0, layout_of(pd.dst_desc()));
  std::vector<onednn::Slot> slots{onednn::input(DNNL_ARG_SRC, pd.src_desc(), 0),
                                  onednn::input(DNNL_ARG_WEIGHTS, pd.weights_desc(), 1),
                                  onednn::output(DNNL_ARG_DST, pd.dst_desc(), 0)};
  if (bias) slots.push_back(onednn::input(DNNL_ARG_BIAS, conv.b, 2));
  return cpu::clear_padding_behind(onednn::primitive_kernel(pd, std::move(slots)), context.output(0));
}

std::unique_ptr<Kernel> lower_conv2d_grad_input(LoweringContext& context) {
  const Conv2dOptions& options = context.op<Conv2dOpBase>().conv();
  const auto conv = convolution(options, context.output(0), context.input(1), context.input(0));
  const auto pd = choose(context, context.input(1).dims, context.input(0).dims,
                         [&](algorithm a) { return onednn::backward_data(conv, a); });
  context.require(0, layout_of(pd.diff_dst_desc()));
  context.require(1, layout_of(pd.weights_desc(), options.groups));
  context.set_layout(0, layout_of(pd.diff_src_desc()));
  auto kernel = onednn::primitive_kernel(pd, {onednn::input(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), 0),
                                              onednn::input(DNNL_ARG_WEIGHTS, pd.weights_desc(), 1),
                                              onednn::output(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), 0)});
  return cpu::clear_padding_behind(std::move(kernel), context.output(0));
}

std::unique_ptr<Kernel> lower_conv2d_grad_weight(LoweringContext& context) {
  const Conv2dOptions& options = context.op<Conv2dOpBase>().conv();
  const auto conv = convolution(options, context.input(0), context.output(0), context.input(1));
  const auto pd = choose(context, context.output(0).dims, context.input(1).dims,
                         [&](algorithm a) { return onednn::backward_weights(conv, a); });
  context.require(0, layout_of(pd.src_desc()));
  context.require(1, layout_of(pd.diff_dst_desc()));
  if (!context.output(0).pinned) context.set_layout(0, layout_of(pd.diff_weights_desc(), options.groups));
  auto kernel = onednn::accumulating_kernel(
      pd, {onednn::input(DNNL_ARG_SRC, pd.src_desc(), 0), onednn::input(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), 1)},
      DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), onednn::descriptor(context.output(0), options.groups));
  return cpu::clear_padding_behind(std::move(kernel), context.output(0));
}

}  // namespace

void register_conv2d_cpu(KernelTable& table) {
  table.add("conv2d", lower_conv2d, {}, "oneDNN");
  table.add("conv2d_grad_input", lower_conv2d_grad_input, {}, "oneDNN");
  table.add("conv2d_grad_weight", lower_conv2d_grad_weight, {}, "oneDNN");
}

}  // namespace sluice
