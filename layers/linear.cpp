#include <sluice/layers/linear.h>

#include <utility>

#include <sluice/core/error.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/layers/make_parameter.h>

namespace sluice {

Linear::Linear(Options options) : options_(std::move(options)) {
  if (options_.in < 1 || options_.out < 1)
    throw UsageError(str() + ": an option is out of range; expected in and out >= 1");
  weight_ = make_parameter({options_.out, options_.in}, options_.init);
  if (options_.bias) bias_ = make_parameter({options_.out}, init::zeros());
}

Var Linear::forward(Var x) {
  const Var weight = x.graph().parameter(weight_);
  return bias_ ? linear(x, weight, x.graph().parameter(bias_)) : linear(x, weight);
}

void Linear::parameters(const ParameterVisitor& visit) {
  visit("weight", weight_);
  if (bias_) visit("bias", bias_);
}

std::string Linear::str() const {
  return "Linear(" + std::to_string(options_.in) + ", " + std::to_string(options_.out) +
         (options_.bias ? ")" : ", no bias)");
}

}  // namespace sluice
