#pragma once

#include <sluice/kernels/adam/adam.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

/// Options of Adam; the defaults are the paper's.
struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  ///< AdamW: weight decay shrinks the parameter directly instead of changing the gradient
  Schedule schedule = {};  ///< factor on lr; empty: 1
};

/// Adam and AdamW; the rule and its sources are at adam_update, kernels/adam/adam.h.
/// State: two tensors a parameter ("first_moment", "second_moment"). Scalars: the members of AdamScalars.
///
/// f32 limits eps: beside a √v more than 1e7 times as large it adds nothing, and squares of gradients below 1e-21 are
/// 0.
///
///   Adam({.lr = 1e-3})    Adam({.lr = 1e-3, .weight_decay = 0.01, .decoupled = true})
class Adam final : public Optimizer {
 public:
  /// Throws UsageError naming the option unless lr > 0, 0 <= beta1, beta2 < 1, eps > 0 and weight_decay >= 0, and lr,
  /// eps, weight_decay, lr / (1 − beta1) and (decoupled) lr · weight_decay are numbers of f32 (1.2e-38 to 3.4e38, or 0
  /// for weight_decay).
  explicit Adam(AdamOptions options);

  void update(Graph& graph, std::span<const Trained> trained) const override;
  std::vector<std::pair<std::string, double>> scalars(std::int64_t step) const override;
  std::string str() const override;

 private:
  AdamUpdateOptions update_options() const;

  AdamOptions options_;
};

}  // namespace sluice
