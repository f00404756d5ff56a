#include <sluice/optim/adam.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/adam/adam.h>
#include <sluice/optim/trained_lists.h>

namespace sluice {

Adam::Adam(AdamOptions options) : options_(std::move(options)) {
  check_f32_option(str(), "lr", options_.lr);
  check_factor_option(str(), "beta1", options_.beta1);
  check_factor_option(str(), "beta2", options_.beta2);
  check_f32_option(str(), "eps", options_.eps);
  check_f32_option(str(), "weight_decay", options_.weight_decay, /*or_zero=*/true);
  const double first_step = options_.lr / (1 - options_.beta1), decay = options_.lr * options_.weight_decay;
  check_option(str(), "lr / (1 - beta1)", first_step, first_step <= most_f32, "at most 3.4e38");
  if (options_.decoupled) check_option(str(), "lr * weight_decay", decay, decay <= most_f32, "at most 3.4e38");
}

AdamUpdateOptions Adam::update_options() const {
  return {.beta1 = options_.beta1,
          .beta2 = options_.beta2,
          .eps = options_.eps,
          .weight_decay = options_.weight_decay,
          .decoupled = options_.decoupled};
}

void Adam::update(Graph& graph, std::span<const Trained> trained) const {
  if (trained.empty()) return;
  const LayerScope scope(graph, "adam");
  AdamUpdateOptions options = update_options();
  options.clear_gradients = may_clear(trained);
  const AdamScalars scalars{.step_size = graph.scalar("step_size"),
                            .root_bias2 = graph.scalar("root_bias2"),
                            .keep = graph.scalar("keep"),
                            .lose = graph.scalar("lose")};
  adam_update(values(trained), gradients(trained), states(graph, "first_moment", trained),
              states(graph, "second_moment", trained), scalars, options);
}

std::vector<std::pair<std::string, double>> Adam::scalars(std::int64_t step) const {
  const double lr = learning_rate(options_.lr, options_.schedule, step);
  const auto numbers = adam_scalars(update_options(), lr, static_cast<double>(step + 1));
  return {{"step_size", numbers[0]}, {"root_bias2", numbers[1]}, {"keep", numbers[2]}, {"lose", numbers[3]}};
}

std::string Adam::str() const {
  return (options_.decoupled ? "adamw(lr=" : "adam(lr=") + number_text(options_.lr) +
         ", beta1=" + number_text(options_.beta1) + ", beta2=" + number_text(options_.beta2) +
         ", eps=" + number_text(options_.eps) + ", weight_decay=" + number_text(options_.weight_decay) + ")";
}

}  // namespace sluice
