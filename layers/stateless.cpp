#include <sluice/layers/stateless.h>

#include <sstream>

#include <sluice/core/error.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/relu/relu.h>

namespace sluice {

Var ReLU::forward(Var x) { return relu(x); }

MaxPool2d::MaxPool2d(const Options& options) : options_(options) {
  const Size2d kernel = options_.kernel, padding = options_.padding;
  if (options_.stride == Size2d(0)) options_.stride = kernel;
  if (!kernel.at_least(1) || !options_.stride.at_least(1) || !padding.at_least(0) || 2 * padding.h > kernel.h ||
      2 * padding.w > kernel.w)
    throw UsageError(str() +
                     ": an option is out of range; expected kernel and stride >= 1, 0 <= padding <= kernel / 2");
}

Var MaxPool2d::forward(Var x) { return max_pool2d(x, options_); }

std::string MaxPool2d::str() const {
  std::string text = "MaxPool2d(" + options_.kernel.str();
  if (options_.stride != options_.kernel) text += ", stride=" + options_.stride.str();
  if (options_.padding != Size2d(0)) text += ", padding=" + options_.padding.str();
  return text + ")";
}

Var GlobalAvgPool2d::forward(Var x) { return global_avg_pool2d(x); }

Var Dropout::forward(Var x) { return training() ? dropout(x, static_cast<float>(rate_)) : x; }

void Dropout::set_rate(double rate) {
  if (!(rate >= 0 && rate < 1))
    throw UsageError("Dropout: rate out of range; got " + std::to_string(rate) + "; expected 0 <= rate < 1");
  rate_ = rate;
}

std::string Dropout::str() const {
  std::ostringstream text;
  text << "Dropout(" << rate_ << ')';
  return text.str();
}

Var Flatten::forward(Var x) { return flatten(x); }

}  // namespace sluice
