#include <sluice/layers/batch_norm2d.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/layers/make_parameter.h>

namespace sluice {

BatchNorm2d::BatchNorm2d(const Options& options) : options_(options) {
  if (options.channels < 1 || !(options.eps > 0) || !(options.momentum >= 0 && options.momentum <= 1))
    throw UsageError(str() + ": an option is out of range; got eps=" + number_text(options.eps) + ", momentum=" +
                     number_text(options.momentum) + "; expected channels >= 1, eps > 0, 0 <= momentum <= 1");
  const Shape shape{options.channels};
  weight_ = make_parameter(shape, init::constant(1));
  bias_ = make_parameter(shape, init::zeros());
  running_mean_ = make_buffer(shape, 0);
  running_var_ = make_buffer(shape, 1);
}

Var BatchNorm2d::forward(Var x) {
  Graph& graph = x.graph();
  const Var weight = graph.parameter(weight_), bias = graph.parameter(bias_);
  const Var mean = graph.parameter(running_mean_), variance = graph.parameter(running_var_);
  if (!training() || statistics_frozen()) return batch_norm_fixed(x, mean, variance, weight, bias, options_.eps);
  if (options_.momentum > 0) batch_norm_update(mean, variance, x, options_.momentum);
  return batch_norm(x, weight, bias, {.mode = options_.mode, .eps = options_.eps});
}

void BatchNorm2d::parameters(const ParameterVisitor& visit) {
  visit("weight", weight_);
  visit("bias", bias_);
  visit("running_mean", running_mean_);
  visit("running_var", running_var_);
}

std::string BatchNorm2d::str() const {
  return "BatchNorm2d(" + std::to_string(options_.channels) +
         (options_.mode == BatchNormMode::exact ? ", exact)" : ")");
}

}  // namespace sluice
