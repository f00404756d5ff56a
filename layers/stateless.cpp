#include <sluice/layers/stateless.h>

#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/gelu/gelu.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/sigmoid/sigmoid.h>
#include <sluice/kernels/softmax/softmax.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

namespace sluice {
namespace {

/// "2x2, stride=1x1, padding=1x1" without what is usual.
std::string window_str(const PoolWindow& window) {
  std::string text = window.kernel.str();
  if (window.stride != window.kernel) text += ", stride=" + window.stride.str();
  if (window.padding != Size2d(0)) text += ", padding=" + window.padding.str();
  return text;
}

void check_window(const std::string& layer, const PoolWindow& window) {
  if (!window.in_range())
    throw UsageError(layer +
                     ": an option is out of range; expected kernel and stride >= 1, 0 <= padding <= kernel / 2");
}

}  // namespace

Var ReLU::forward(Var x) { return relu(x); }

LeakyReLU::LeakyReLU(double slope) : slope_(slope) {
  if (!(slope >= 0 && slope <= std::numeric_limits<float>::max()))
    throw UsageError(str() + ": slope out of range; expected 0 <= slope <= 3.4e38");
}

Var LeakyReLU::forward(Var x) { return leaky_relu(x, slope_); }

std::string LeakyReLU::str() const { return "LeakyReLU(" + number_text(slope_) + ")"; }

Var GELU::forward(Var x) { return gelu(x); }

Var Sigmoid::forward(Var x) { return sigmoid(x); }

Var Softmax::forward(Var x) { return softmax(x); }

MaxPool2d::MaxPool2d(const Options& options) : options_(options.resolved()) { check_window(str(), options_); }

Var MaxPool2d::forward(Var x) { return max_pool2d(x, options_); }

std::string MaxPool2d::str() const { return "MaxPool2d(" + window_str(options_) + ")"; }

AvgPool2d::AvgPool2d(const Options& options) : options_(options) { check_window(str(), options_.window()); }

Var AvgPool2d::forward(Var x) { return avg_pool2d(x, options_); }

std::string AvgPool2d::str() const {
  return "AvgPool2d(" + window_str(options_.window()) +
         (options_.count_include_pad ? ")" : ", count_include_pad=false)");
}

Var GlobalAvgPool2d::forward(Var x) { return global_avg_pool2d(x); }

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Size2d size) : size_(size) {
  if (!size_.at_least(1)) throw UsageError(str() + ": size out of range; expected at least 1");
}

Var AdaptiveAvgPool2d::forward(Var x) { return adaptive_avg_pool2d(x, size_); }

std::string AdaptiveAvgPool2d::str() const { return "AdaptiveAvgPool2d(" + size_.str() + ")"; }

UpsampleNearest2d::UpsampleNearest2d(Size2d factor) : factor_(factor) {
  if (!factor_.at_least(1)) throw UsageError(str() + ": factor out of range; expected at least 1");
}

Var UpsampleNearest2d::forward(Var x) { return upsample_nearest2d(x, factor_); }

std::string UpsampleNearest2d::str() const { return "UpsampleNearest2d(" + factor_.str() + ")"; }

Var Dropout::forward(Var x) { return training() ? dropout(x, rate_) : x; }

void Dropout::set_rate(double rate) {
  if (!(rate >= 0 && rate <= 1 - 0x1p-24))
    throw UsageError("Dropout: rate out of range; got " + number_text(rate) +
                     "; expected 0 <= rate < 1, at most 1 - 2^-24");
  rate_ = rate;
  note_model_change();
}

std::string Dropout::str() const { return "Dropout(" + number_text(rate_) + ")"; }

Var Flatten::forward(Var x) { return flatten(x); }

}  // namespace sluice
