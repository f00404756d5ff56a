#include <sluice/kernels/sgd/sgd.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/shared/optimizer_checks.h>

namespace sluice {

std::string SgdOp::options() const {
  TextStream text;
  text << std::hexfloat << "parameters=" << parameters_ << ",momentum=" << options_.momentum
       << ",weight_decay=" << options_.weight_decay << ",nesterov=" << options_.nesterov;
  if (options_.clear_gradients) text << ",clear_gradients";
  return text.str();
}

std::vector<ValueSpec> SgdOp::infer(std::span<const ValueSpec> inputs) const {
  check_optimizer_inputs(*this, groups(), parameters_, 1, inputs);
  return {};
}

std::vector<int> SgdOp::mutates() const { return optimizer_mutates(groups(), parameters_, options_.clear_gradients); }

std::vector<int> SgdOp::clears() const { return optimizer_clears(parameters_, options_.clear_gradients); }

double SgdOp::flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const {
  double elements = 0;
  for (int i = 0; i < parameters_; ++i)
    elements += static_cast<double>(inputs[static_cast<std::size_t>(i)].shape.elements());
  return 2.0 * groups() * elements;
}

void sgd_update(std::span<const Var> parameters, std::span<const Var> gradients, std::span<const Var> velocities,
                Var lr, const SgdUpdateOptions& options) {
  if (options.nesterov && options.momentum == 0)
    throw UsageError("sgd: nesterov without momentum; expected momentum > 0");
  const std::size_t wanted = options.momentum != 0 ? parameters.size() : 0;
  if (parameters.empty() || gradients.size() != parameters.size() || velocities.size() != wanted)
    throw UsageError("sgd: lists differ; got " + counted(parameters.size(), "parameter") + ", " +
                     counted(gradients.size(), "gradient") + ", " +
                     counted(velocities.size(), "velocity", "velocities") +
                     "; expected one gradient a parameter, and one velocity with momentum only");
  std::vector<Var> inputs(parameters.begin(), parameters.end());
  inputs.insert(inputs.end(), gradients.begin(), gradients.end());
  inputs.insert(inputs.end(), velocities.begin(), velocities.end());
  inputs.push_back(lr);
  lr.graph().add(std::make_shared<SgdOp>(options, static_cast<int>(parameters.size())), inputs);
}

}  // namespace sluice
