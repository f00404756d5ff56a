#include <sluice/layers/conv_transpose2d.h>

#include <cmath>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/layers/make_parameter.h>

namespace sluice {
namespace {

std::string describe(const ConvTranspose2d::Options& o) {
  std::string text =
      "ConvTranspose2d(" + std::to_string(o.in) + ", " + std::to_string(o.out) + ", kernel=" + o.kernel.str();
  if (o.stride != Size2d(1)) text += ", stride=" + o.stride.str();
  if (o.padding != Size2d(0)) text += ", padding=" + o.padding.str();
  if (o.output_padding != Size2d(0)) text += ", output_padding=" + o.output_padding.str();
  if (o.dilation != Size2d(1)) text += ", dilation=" + o.dilation.str();
  if (o.groups != 1) text += ", groups=" + std::to_string(o.groups);
  return text + (o.bias ? ")" : ", no bias)");
}

ConvTranspose2dOptions kernel_options(const ConvTranspose2d::Options& o) {
  return {.stride = o.stride,
          .padding = o.padding,
          .output_padding = o.output_padding,
          .dilation = o.dilation,
          .groups = o.groups};
}

void check(const ConvTranspose2d::Options& o) {
  const bool sizes = o.in >= 1 && o.out >= 1 && o.kernel.at_least(1) && o.stride.at_least(1) && o.padding.at_least(0) &&
                     o.dilation.at_least(1) && o.groups >= 1;
  if (!sizes)
    throw UsageError(describe(o) +
                     ": an option is out of range; expected in, out, kernel, stride, dilation and groups >= 1, "
                     "padding >= 0");
  if (!kernel_options(o).output_padding_in_range())
    throw UsageError(describe(o) +
                     ": output_padding is out of range; expected 0 <= output_padding < max(stride, dilation)");
  if (o.in % o.groups != 0 || o.out % o.groups != 0)
    throw UsageError(describe(o) +
                     ": groups do not divide the channels; expected in % groups == 0 and out % groups == 0");
}

Initializer keeps_scale(const ConvTranspose2d::Options& o) {
  const auto products =
      static_cast<double>(o.in / o.groups * o.kernel.h * o.kernel.w) / static_cast<double>(o.stride.h * o.stride.w);
  return init::normal(0, init::relu_gain / std::sqrt(products));
}

}  // namespace

ConvTranspose2d::ConvTranspose2d(Options options) : options_(std::move(options)) {
  check(options_);
  weight_ = make_parameter({options_.in, options_.out / options_.groups, options_.kernel.h, options_.kernel.w},
                           options_.init ? options_.init : keeps_scale(options_));
  if (options_.bias) bias_ = make_parameter({options_.out}, init::zeros());
}

Var ConvTranspose2d::forward(Var x) {
  const ConvTranspose2dOptions options = kernel_options(options_);
  const Var weight = x.graph().parameter(weight_);
  return bias_ ? conv_transpose2d(x, weight, x.graph().parameter(bias_), options)
               : conv_transpose2d(x, weight, options);
}

void ConvTranspose2d::parameters(const ParameterVisitor& visit) {
  visit("weight", weight_);
  if (bias_) visit("bias", bias_);
}

std::string ConvTranspose2d::str() const { return describe(options_); }

}  // namespace sluice
