#include <sluice/optim/adam.h>

#include <cmath>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/adam/adam.h>
#include <sluice/optim/trained_lists.h>

namespace sluice {

Adam::Adam(AdamOptions options) : options_(std::move(options)) {
  const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
  if (!positive(options_.lr) || !is_beta(options_.beta1) || !is_beta(options_.beta2) || !positive(options_.eps) ||
      !non_negative(options_.weight_decay))
    throw UsageError(str() +
                     ": an option is out of range; expected lr > 0, 0 <= beta1, beta2 < 1, eps > 0, weight_decay >= 0");
}

void Adam::update(Graph& graph, std::span<const Trained> trained) const {
  if (trained.empty()) return;
  const LayerScope scope(graph, "adam");
  const AdamUpdateOptions options{.beta1 = static_cast<float>(options_.beta1),
                                  .beta2 = static_cast<float>(options_.beta2),
                                  .eps = static_cast<float>(options_.eps),
                                  .weight_decay = static_cast<float>(options_.weight_decay),
                                  .decoupled = options_.decoupled,
                                  .clear_gradients = may_clear(trained)};
  const AdamScalars scalars{.lr = graph.scalar("lr"), .bias1 = graph.scalar("bias1"), .bias2 = graph.scalar("bias2")};
  adam_update(values(trained), gradients(trained), states(graph, "first_moment", trained),
              states(graph, "second_moment", trained), scalars, options);
}

std::vector<std::pair<std::string, double>> Adam::scalars(std::int64_t step) const {
  const auto t = static_cast<double>(step + 1);
  return {{"lr", options_.lr * (options_.schedule ? options_.schedule(step) : 1.0)},
          {"bias1", 1 - std::pow(options_.beta1, t)},
          {"bias2", 1 - std::pow(options_.beta2, t)}};
}

std::string Adam::str() const {
  TextStream text;
  text << (options_.decoupled ? "adamw" : "adam") << "(lr=" << options_.lr << ", beta1=" << options_.beta1
       << ", beta2=" << options_.beta2 << ", eps=" << options_.eps << ", weight_decay=" << options_.weight_decay << ')';
  return text.str();
}

}  // namespace sluice
