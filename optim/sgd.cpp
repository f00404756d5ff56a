#include <sluice/optim/sgd.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/optim/trained_lists.h>

namespace sluice {

Sgd::Sgd(SgdOptions options) : options_(std::move(options)) {
  check_given_rate(str(), options_.lr);
  check_factor_option(str(), "momentum", options_.momentum);
  check_f32_option(str(), "weight_decay", options_.weight_decay, /*or_zero=*/true);
  if (options_.nesterov && options_.momentum == 0)
    throw UsageError(str() + ": nesterov without momentum; expected momentum > 0");
}

void Sgd::update(Graph& graph, std::span<const Trained> trained) const {
  if (trained.empty()) return;
  const LayerScope scope(graph, "sgd");
  const SgdUpdateOptions options{.momentum = options_.momentum,
                                 .weight_decay = options_.weight_decay,
                                 .nesterov = options_.nesterov,
                                 .clear_gradients = may_clear(trained)};
  const std::vector<Var> velocities = options_.momentum != 0 ? states(graph, "velocity", trained) : std::vector<Var>();
  sgd_update(values(trained), gradients(trained), velocities, graph.scalar("lr"), options);
}

std::vector<std::pair<std::string, double>> Sgd::scalars(std::int64_t step) const {
  return {{"lr", learning_rate(options_.lr, options_.schedule, step)}};
}

std::string Sgd::str() const {
  return "sgd(lr=" + number_text(options_.lr) + ", momentum=" + number_text(options_.momentum) +
         ", weight_decay=" + number_text(options_.weight_decay) + (options_.nesterov ? ", nesterov)" : ")");
}

}  // namespace sluice
