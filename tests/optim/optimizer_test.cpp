#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/mbp/train/trainer.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>

#include "support/check_op.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

using Vector = std::vector<double>;

/// loss = mean over the batch of Σ (w·x + w²/2): its gradient by w is mean(x) + w, so it changes with every step.
class Bowl final : public Module {
 public:
  Var forward(Var x) override {
    const Var w = x.graph().parameter(weight);
    const Var terms = add(mul(x, w), mul(x.graph().constant(0.5, w.shape()), mul(w, w)));
    return div(batch_sum(sum_per_sample(terms)), x.graph().sample_count());
  }
  void parameters(const ParameterVisitor& visit) override { visit("weight", weight); }

  Parameter weight{Tensor::of<float>({3}, {1, -2, 0.5f})};
};

const Vector x_mean{0.5, 1, -0.25};

TensorDataset bowl_data() {
  return TensorDataset("bowl", {{"x", Tensor::of<float>({4, 3}, {1, 1, 0, 0, 1, 0, 1, 2, -1, 0, 0, 0})}});
}

/// The weight after each of `steps` updates.
std::vector<Vector> trained(Optimizer& optimizer, int steps, Device device) {
  register_reference_device();
  Bowl bowl;
  const TensorDataset data = bowl_data();
  Trainer trainer(bowl, optimizer, [&](const Batch& b) { return bowl(b["x"]); }, data.spec(),
                  {.batch = 4, .micro_batch = 3, .device = device});
  std::vector<Vector> weights;
  for (int i = 0; i < steps; ++i) {
    trainer.step(data);
    weights.push_back(doubles(bowl.weight.read()));
  }
  return weights;
}

/// What `rule(p, g, step, index)` makes of the weight in each step, in double.
template <class Rule>
void expect_rule(Optimizer& optimizer, Device device, Rule rule) {
  constexpr int steps = 6;
  const std::vector<Vector> got = trained(optimizer, steps, device);
  Vector p{1, -2, 0.5};
  for (int step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < 3; ++i) {
      rule(p[i], x_mean[i] + p[i], step, i);
      EXPECT_NEAR(got[static_cast<std::size_t>(step)][i], p[i], device == Device::reference() ? 2e-7 : 2e-6)
          << optimizer.str() << ", step " << step << ", " << i;
    }
  }
}

class Optimizers : public testing::TestWithParam<Device> {};

TEST_P(Optimizers, PlainSgd) {
  Sgd sgd({.lr = 0.1});
  expect_rule(sgd, GetParam(), [](double& p, double g, int, std::size_t) { p -= 0.1 * g; });
}

TEST_P(Optimizers, SgdWithEverything) {
  for (const bool nesterov : {false, true}) {
    Sgd sgd({.lr = 0.1,
             .momentum = 0.9,
             .weight_decay = 0.05,
             .nesterov = nesterov,
             .schedule = schedule::milestones({.at = {3}, .factor = 0.5})});
    Vector v(3);
    expect_rule(sgd, GetParam(), [&](double& p, double g, int step, std::size_t i) {
      const double lr = step < 3 ? 0.1 : 0.05;
      g += 0.05 * p;
      v[i] = 0.9 * v[i] + g;
      p -= lr * (nesterov ? g + 0.9 * v[i] : v[i]);
    });
  }
}

TEST_P(Optimizers, Adam) {
  for (const bool decoupled : {false, true}) {
    Adam adam({.lr = 0.05,
               .beta1 = 0.8,
               .beta2 = 0.95,
               .eps = 1e-6,
               .weight_decay = 0.1,
               .decoupled = decoupled,
               .schedule = schedule::warmup_cosine({.warmup = 2, .steps = 6})});
    Vector m(3), v(3);
    expect_rule(adam, GetParam(), [&](double& p, double g, int step, std::size_t i) {
      const double lr = 0.05 * schedule::warmup_cosine({.warmup = 2, .steps = 6})(step);
      if (decoupled)
        p -= lr * 0.1 * p;
      else
        g += 0.1 * p;
      m[i] = 0.8 * m[i] + 0.2 * g;
      v[i] = 0.95 * v[i] + 0.05 * g * g;
      p -= lr * (m[i] / (1 - std::pow(0.8, step + 1))) / (std::sqrt(v[i] / (1 - std::pow(0.95, step + 1))) + 1e-6);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Optimizers, testing::Values(Device::cpu()));
INSTANTIATE_TEST_SUITE_P(Reference, Optimizers, testing::Values(Device::reference()));

TEST(Optimizer, StateIsWhatTheRuleNeeds) {
  Graph graph;
  const Parameter parameter(Tensor({5}), "p");
  const Trained trained{parameter, graph.parameter(parameter), graph.constant(0, {5})};
  const auto states = [](const Optimizer& optimizer, const Trained& t) {
    Graph& g = t.value.graph();
    optimizer.update(g, std::span(&t, 1));
    int count = 0;
    for (ValueId v = 0; v < g.values(); ++v) count += g.value(v).is_leaf() && g.value(v).leaf.kind == LeafKind::state;
    return count;
  };
  EXPECT_EQ(states(Sgd({.lr = 0.1}), trained), 0);
  EXPECT_EQ(states(Sgd({.lr = 0.1, .momentum = 0.9}), trained), 1);
  EXPECT_EQ(states(Adam({}), trained), 3);  // two more
  EXPECT_EQ(graph.writers().size(), 3u);
  EXPECT_EQ(graph.node(graph.writers()[2]).layer, "adam");
}

TEST(Optimizer, Says) {
  EXPECT_EQ(Sgd({.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4}).str(),
            "sgd(lr=0.1, momentum=0.9, weight_decay=0.0005)");
  EXPECT_EQ(Sgd({.lr = 0.1, .momentum = 0.99999999}).str(), "sgd(lr=0.1, momentum=0.99999999, weight_decay=0)");
  EXPECT_EQ(Adam({.beta2 = 0.99999999}).str(),
            "adam(lr=0.001, beta1=0.9, beta2=0.99999999, eps=1e-08, weight_decay=0)");
  EXPECT_EQ(Adam({.decoupled = true}).str(), "adamw(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0)");
}

TEST(Optimizer, NamesTheOptionThatF32CannotHoldAndItsRange) {
  const auto refuses = [](auto make, std::initializer_list<std::string> parts) {
    expect_shape_error([&](Graph&) { make(); }, parts);
  };
  refuses([] { Sgd({.lr = 1e39}); }, {"lr is out of range; got 1e+39; expected 1.2e-38 <= lr <= 3.4e38"});
  refuses([] { Sgd({.momentum = 0.9}); },
          {"sgd(lr=0, momentum=0.9", "lr was not given; got 0, its default; expected 1.2e-38 <= lr <= 3.4e38"});
  refuses([] { Sgd({.lr = 1e-39}); }, {"lr is out of range; got 1e-39"});
  refuses([] { Sgd({.lr = 0.1, .weight_decay = 1e-40}); },
          {"weight_decay is out of range; got 1e-40; expected weight_decay = 0 or 1.2e-38 <= weight_decay <= 3.4e38"});
  refuses([] { Sgd({.lr = 0.1, .momentum = 1}); }, {"momentum is out of range; got 1; expected 0 <= momentum < 1"});
  refuses([] { Adam({.lr = 1e39}); }, {"lr is out of range; got 1e+39"});
  refuses([] { Adam({.eps = 1e-50}); }, {"eps is out of range; got 1e-50; expected 1.2e-38 <= eps <= 3.4e38"});
  refuses([] { Adam({.weight_decay = 1e39}); }, {"weight_decay is out of range; got 1e+39"});
  refuses([] { Adam({.beta2 = 1}); }, {"beta2 is out of range; got 1; expected 0 <= beta2 < 1"});
  refuses([] { Adam({.lr = 1e35, .beta1 = 0.999999}); },
          {"lr / (1 - beta1) is out of range; got 9.99", "at most 3.4e38"});
  refuses([] { Adam({.lr = 1e20, .weight_decay = 1e20, .decoupled = true}); },
          {"lr * weight_decay is out of range; got 1e+40"});
  EXPECT_NO_THROW(Adam({.lr = 1e-37, .eps = 1e38, .weight_decay = 1e38}));
}

TEST(Optimizer, RejectsOptionsOutOfRange) {
  const double nan = std::nan("");
  EXPECT_THROW(Sgd({}), UsageError);  // lr has no default
  EXPECT_THROW(Sgd({.lr = -1}), UsageError);
  EXPECT_THROW(Sgd({.lr = nan}), UsageError);
  EXPECT_THROW(Sgd({.lr = 0.1, .momentum = 1}), UsageError);
  EXPECT_THROW(Sgd({.lr = 0.1, .momentum = nan}), UsageError);
  EXPECT_THROW(Sgd({.lr = 0.1, .weight_decay = -1}), UsageError);
  EXPECT_THROW(Sgd({.lr = 0.1, .nesterov = true}), UsageError);
  EXPECT_THROW(Adam({.lr = 0}), UsageError);
  EXPECT_THROW(Adam({.beta1 = 1}), UsageError);
  EXPECT_THROW(Adam({.beta2 = -0.1}), UsageError);
  EXPECT_THROW(Adam({.eps = 0}), UsageError);
  EXPECT_THROW(Adam({.weight_decay = nan}), UsageError);
}

}  // namespace
}  // namespace sluice::test
