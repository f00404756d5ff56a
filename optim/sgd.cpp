#include <sluice/optim/sgd.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/optim/trained_lists.h>

namespace sluice {

Sgd::Sgd(SgdOptions options) : options_(std::move(options)) {
  const bool ranges =
      positive(options_.lr) && options_.momentum >= 0 && options_.momentum < 1 && non_negative(options_.weight_decay);
  if (!ranges)
    throw UsageError(str() + ": an option is out of range; expected lr > 0, 0 <= momentum < 1, weight_decay >= 0");
  if (options_.nesterov && options_.momentum == 0)
    throw UsageError(str() + ": nesterov without momentum; expected momentum > 0");
}

void Sgd::update(Graph& graph, std::span<const Trained> trained) const {
  if (trained.empty()) return;
  const LayerScope scope(graph, "sgd");
  const SgdUpdateOptions options{.momentum = static_cast<float>(options_.momentum),
                                 .weight_decay = static_cast<float>(options_.weight_decay),
                                 .nesterov = options_.nesterov,
                                 .clear_gradients = may_clear(trained)};
  const std::vector<Var> velocities = options_.momentum != 0 ? states(graph, "velocity", trained) : std::vector<Var>();
  sgd_update(values(trained), gradients(trained), velocities, graph.scalar("lr"), options);
}

std::vector<std::pair<std::string, double>> Sgd::scalars(std::int64_t step) const {
  return {{"lr", options_.lr * (options_.schedule ? options_.schedule(step) : 1.0)}};
}

std::string Sgd::str() const {
  TextStream text;
  text << "sgd(lr=" << options_.lr << ", momentum=" << options_.momentum << ", weight_decay=" << options_.weight_decay
       << (options_.nesterov ? ", nesterov)" : ")");
  return text.str();
}

}  // namespace sluice
