#include <sluice/kernels/adam/adam.h>

#include <cmath>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/shared/decay.h>
#include <sluice/kernels/shared/optimizer_checks.h>

namespace sluice {

std::string AdamOp::options() const {
  TextStream text;
  text << std::hexfloat << "parameters=" << parameters_ << ",beta1=" << options_.beta1 << ",beta2=" << options_.beta2
       << ",eps=" << options_.eps << ",weight_decay=" << options_.weight_decay << ",decoupled=" << options_.decoupled;
  if (options_.clear_gradients) text << ",clear_gradients";
  return text.str();
}

std::vector<ValueSpec> AdamOp::infer(std::span<const ValueSpec> inputs) const {
  check_optimizer_inputs(*this, 4, parameters_, 4, inputs);
  return {};
}

std::vector<int> AdamOp::mutates() const { return optimizer_mutates(4, parameters_, options_.clear_gradients); }

std::vector<int> AdamOp::clears() const { return optimizer_clears(parameters_, options_.clear_gradients); }

double AdamOp::flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const {
  double elements = 0;
  for (int i = 0; i < parameters_; ++i)
    elements += static_cast<double>(inputs[static_cast<std::size_t>(i)].shape.elements());
  return 14 * elements;
}

std::array<double, 4> adam_scalars(const AdamUpdateOptions& options, double lr, double t) {
  // 1 − beta^t, without the cancellation that 1 − pow(beta, t) has near 1.
  const auto bias = [t](double beta) { return -std::expm1(t * std::log1p(-(1 - beta))); };
  const double decay = options.decoupled ? lr * options.weight_decay : 0;
  const auto shrink = Decay<double>::of(1 - decay, decay);
  return {lr / bias(options.beta1), std::sqrt(bias(options.beta2)), shrink.keep, shrink.lose};
}

void adam_update(std::span<const Var> parameters, std::span<const Var> gradients, std::span<const Var> first_moments,
                 std::span<const Var> second_moments, const AdamScalars& scalars, const AdamUpdateOptions& options) {
  std::vector<Var> inputs;
  for (const std::span<const Var> list : {parameters, gradients, first_moments, second_moments}) {
    if (list.empty() || list.size() != parameters.size())
      throw UsageError("adam: lists differ; got " + counted(parameters.size(), "parameter") + " and a list of " +
                       std::to_string(list.size()) + "; expected as many gradients, first and second moments");
    inputs.insert(inputs.end(), list.begin(), list.end());
  }
  inputs.insert(inputs.end(), {scalars.step_size, scalars.root_bias2, scalars.keep, scalars.lose});
  scalars.step_size.graph().add(std::make_shared<AdamOp>(options, static_cast<int>(parameters.size())), inputs);
}

}  // namespace sluice
