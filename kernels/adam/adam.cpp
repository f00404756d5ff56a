#include <sluice/kernels/adam/adam.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/optimizer_checks.h>

namespace sluice {

std::string AdamOp::options() const {
  TextStream text;
  text << std::hexfloat << "parameters=" << parameters_ << ",beta1=" << options_.beta1 << ",beta2=" << options_.beta2
       << ",eps=" << options_.eps << ",weight_decay=" << options_.weight_decay << ",decoupled=" << options_.decoupled;
  if (options_.clear_gradients) text << ",clear_gradients";
  return text.str();
}

std::vector<ValueSpec> AdamOp::infer(std::span<const ValueSpec> inputs) const {
  check_optimizer_inputs(*this, 4, parameters_, 3, inputs);
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

void adam_update(std::span<const Var> parameters, std::span<const Var> gradients, std::span<const Var> first_moments,
                 std::span<const Var> second_moments, const AdamScalars& scalars, const AdamUpdateOptions& options) {
  std::vector<Var> inputs;
  for (const std::span<const Var> list : {parameters, gradients, first_moments, second_moments}) {
    if (list.empty() || list.size() != parameters.size())
      throw UsageError("adam: lists differ; got " + std::to_string(parameters.size()) + " parameters and a list of " +
                       std::to_string(list.size()) + "; expected as many gradients, first and second moments");
    inputs.insert(inputs.end(), list.begin(), list.end());
  }
  inputs.insert(inputs.end(), {scalars.lr, scalars.bias1, scalars.bias2});
  scalars.lr.graph().add(std::make_shared<AdamOp>(options, static_cast<int>(parameters.size())), inputs);
}

}  // namespace sluice
