#pragma once

#include <sluice/optim/optimizer.h>

namespace sluice {

/// Options of Sgd; lr must be given.
struct SgdOptions {
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;  ///< factor of the parameter that is added to its gradient
  bool nesterov = false;    ///< needs momentum
  Schedule schedule = {};   ///< factor on lr; empty: 1
};

/// Stochastic gradient descent; the rule and its source are at sgd_update, kernels/sgd/sgd.h.
/// State: one tensor a parameter ("velocity") with momentum, none without. Scalars: "lr".
///
///   Sgd({.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4})
class Sgd final : public Optimizer {
 public:
  /// Throws UsageError naming the option unless lr > 0, 0 <= momentum < 1, weight_decay >= 0, lr and weight_decay are
  /// normal f32 numbers (1.2e-38 to 3.4e38) where they are not 0, and nesterov comes with momentum.
  explicit Sgd(SgdOptions options);

  void update(Graph& graph, std::span<const Trained> trained) const override;
  std::vector<std::pair<std::string, double>> scalars(std::int64_t step) const override;
  std::string str() const override;

 private:
  SgdOptions options_;
};

}  // namespace sluice
