#include <sluice/layers/conv2d.h>

#include <utility>

#include <sluice/core/error.h>
#include <sluice/layers/make_parameter.h>

namespace sluice {
namespace {

std::string describe(const Conv2d::Options& o) {
  std::string text = "Conv2d(" + std::to_string(o.in) + ", " + std::to_string(o.out) + ", kernel=" + o.kernel.str();
  if (o.stride != Size2d(1)) text += ", stride=" + o.stride.str();
  if (o.padding != Size2d(0)) text += ", padding=" + o.padding.str();
  if (o.dilation != Size2d(1)) text += ", dilation=" + o.dilation.str();
  if (o.groups != 1) text += ", groups=" + std::to_string(o.groups);
  return text + (o.bias ? ")" : ", no bias)");
}

void check(const Conv2d::Options& o) {
  const bool sizes = o.in >= 1 && o.out >= 1 && o.kernel.at_least(1) && o.stride.at_least(1) && o.padding.at_least(0) &&
                     o.dilation.at_least(1) && o.groups >= 1;
  if (!sizes)
    throw UsageError(describe(o) +
                     ": an option is out of range; expected in, out, kernel, stride, dilation and groups >= 1, "
                     "padding >= 0");
  if (o.in % o.groups != 0 || o.out % o.groups != 0)
    throw UsageError(describe(o) +
                     ": groups do not divide the channels; expected in % groups == 0 and out % groups == 0");
}

}  // namespace

Conv2d::Conv2d(Options options) : options_(std::move(options)) {
  check(options_);
  weight_ = make_parameter({options_.out, options_.in / options_.groups, options_.kernel.h, options_.kernel.w},
                           options_.init);
  if (options_.bias) bias_ = make_parameter({options_.out}, init::zeros());
}

Var Conv2d::forward(Var x) {
  const Conv2dOptions options{
      .stride = options_.stride, .padding = options_.padding, .dilation = options_.dilation, .groups = options_.groups};
  const Var weight = x.graph().parameter(weight_);
  return bias_ ? conv2d(x, weight, x.graph().parameter(bias_), options) : conv2d(x, weight, options);
}

void Conv2d::parameters(const ParameterVisitor& visit) {
  visit("weight", weight_);
  if (bias_) visit("bias", bias_);
}

std::string Conv2d::str() const { return describe(options_); }

}  // namespace sluice
