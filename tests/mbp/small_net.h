#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <sluice/core/philox.h>
#include <sluice/core/structural.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/max_pool2d/max_pool2d.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/mbp/train/trainer.h>
#include <sluice/optim/optimizer.h>

#include "support/tensors.h"

namespace sluice::test {

/// conv – relu – pool – dropout – linear on [2,8,8]: small enough for the reference device.
class SmallNet final : public Module {
 public:
  static constexpr std::int64_t classes = 5;

  explicit SmallNet(std::uint64_t seed = 1)
      : conv_weight_(random_tensor({6, 2, 3, 3}, DType::f32, -0.4, 0.4, seed)),
        conv_bias_(random_tensor({6}, DType::f32, -0.1, 0.1, seed + 1)),
        weight_(random_tensor({classes, 96}, DType::f32, -0.2, 0.2, seed + 2)),
        bias_(random_tensor({classes}, DType::f32, -0.1, 0.1, seed + 3)) {}

  Var forward(Var x) override {
    Graph& g = x.graph();
    x = relu(conv2d(x, g.parameter(conv_weight_), g.parameter(conv_bias_), {.padding = 1}));
    x = flatten(max_pool2d(x, {.kernel = 2}));
    if (training()) x = dropout(x, dropout_rate);
    return linear(x, g.parameter(weight_), g.parameter(bias_));
  }
  void parameters(const ParameterVisitor& visit) override {
    visit("conv_weight", conv_weight_);
    visit("conv_bias", conv_bias_);
    visit("weight", weight_);
    visit("bias", bias_);
  }

  float dropout_rate = 0.3f;

 private:
  Parameter conv_weight_, conv_bias_, weight_, bias_;
};

/// Leaves the parameters alone: for looking at gradients.
class NoUpdate final : public Optimizer {
 public:
  void update(Graph&, std::span<const Trained>) const override {}
  std::vector<std::pair<std::string, double>> scalars(std::int64_t) const override { return {}; }
  std::string str() const override { return "none"; }
};

/// Images [2,8,8], labels with `ignored` of them −100 (the first ones, so that whole micro-batches weigh nothing),
/// second labels.
inline TensorDataset small_data(std::int64_t n, std::int64_t ignored, std::uint64_t seed = 7) {
  Tensor labels = random_tensor({n}, DType::i32, 0, SmallNet::classes - 1, seed + 1);
  Tensor second = random_tensor({n}, DType::i32, 0, SmallNet::classes - 1, seed + 2);
  for (std::int64_t i = 0; i < ignored; ++i) labels.values<std::int32_t>()[static_cast<std::size_t>(i)] = -100;
  for (std::int64_t i = 0; i < n; i += 3) second.values<std::int32_t>()[static_cast<std::size_t>(i)] = -100;
  return TensorDataset(
      "small",
      {{"image", random_tensor({n, 2, 8, 8}, DType::f32, -1, 1, seed)}, {"label", labels}, {"second", second}});
}

/// Σ loss / Σ weight over the logical batch.
inline Var mean_cross_entropy(Var logits, Var labels) {
  return div(batch_sum(cross_entropy_loss(logits, labels)), batch_sum(cross_entropy_weight(labels)));
}

/// Gradients of all trainable parameters after one step over all of `data`.
inline std::vector<Tensor> gradients(Module& net, const StepFunction& step, const Dataset& data,
                                     TrainerOptions options) {
  NoUpdate none;
  options.batch = data.spec().samples;
  options.shuffle = false;
  options.verify_memory = true;
  Trainer trainer(net, none, step, data.spec(), options);
  trainer.step(data);
  std::vector<Tensor> result;
  for (const Parameter& p : all_parameters(net))
    if (p.trainable()) result.push_back(trainer.gradient(p));
  return result;
}

/// The largest relative error of a list of tensors.
inline double worst_error(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, relative_error(a[i], b[i]));
  return worst;
}

}  // namespace sluice::test
