#include <sluice/kernels/conv_transpose2d/conv_transpose2d.h>

#include <algorithm>

#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

[[noreturn]] void fail(const std::string& what, Var x, Var w, const std::string& rule) {
  throw ShapeError("conv_transpose2d: " + what + "; got x=" + x.spec().str() + ", w=" + w.spec().str() + "; expected " +
                   rule);
}

/// Extent of y in one direction; below 1 when padding cuts everything off.
std::int64_t extent(std::int64_t x, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                    std::int64_t output_padding, std::int64_t dilation) {
  return (x - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1;
}

/// y's sample shape [O,H',W'].
Shape result(Var x, Var w, const ConvTranspose2dOptions& o) {
  if (const std::string fault = input_fault("x", x.spec(), Scope::sample, 3); !fault.empty())
    fail(fault, x, w, "an f32 sample value x=[N,C,H,W]" + conversion_hint(x.spec()));
  if (const std::string fault = input_fault("w", w.spec(), Scope::batch, 4); !fault.empty())
    fail(fault, x, w, "an f32 batch value w=[C,O/groups,kh,kw]");
  if (!o.stride.at_least(1) || !o.dilation.at_least(1) || !o.padding.at_least(0) || o.groups < 1 ||
      !o.output_padding_in_range())
    fail("options out of range: " + o.str(), x, w,
         "stride >= 1, dilation >= 1, padding >= 0, groups >= 1, 0 <= output_padding < max(stride, dilation)");
  if (x.shape()[0] != w.shape()[0]) fail("channels differ", x, w, "x.C == w.C");
  if (x.shape()[0] % o.groups != 0)
    fail("channels do not divide into groups", x, w, "x.C % groups == 0 with groups=" + std::to_string(o.groups));
  const std::int64_t h = extent(x.shape()[1], w.shape()[2], o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h);
  const std::int64_t v = extent(x.shape()[2], w.shape()[3], o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w);
  if (h < 1 || v < 1) fail("padding cuts everything off", x, w, "an extent of at least 1 with " + o.str());
  return {w.shape()[1] * o.groups, h, v};
}

}  // namespace

bool ConvTranspose2dOptions::output_padding_in_range() const {
  return output_padding.at_least(0) && output_padding.h < std::max(stride.h, dilation.h) &&
         output_padding.w < std::max(stride.w, dilation.w);
}

std::string ConvTranspose2dOptions::str() const {
  return "stride=" + stride.str() + " padding=" + padding.str() + " output_padding=" + output_padding.str() +
         " dilation=" + dilation.str() + " groups=" + std::to_string(groups);
}

Var conv_transpose2d(Var x, Var w, const ConvTranspose2dOptions& o) {
  const Shape y = result(x, w, o);
  // y is what the convolution with w makes x from. With `stride` rows more it would make another row of x: that one is
  // there, and zero.
  x = pad2d(x, {.bottom = o.output_padding.h / o.stride.h, .right = o.output_padding.w / o.stride.w});
  return conv2d_grad_input(x, w, y,
                           {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups});
}

Var conv_transpose2d(Var x, Var w, Var b, const ConvTranspose2dOptions& options) {
  return bias(conv_transpose2d(x, w, options), b);
}

}  // namespace sluice
