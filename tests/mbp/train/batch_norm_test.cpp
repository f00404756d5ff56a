#include <sluice/layers/batch_norm2d.h>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/layers/sequential.h>
#include <sluice/layers/stateless.h>
#include <sluice/optim/sgd.h>

#include "mbp/residual_net.h"

namespace sluice::test {
namespace {

constexpr std::int64_t n = 20;
constexpr double f32_rounding = 1e-7;  // of a parameter near 1, read from whatever device

StepFunction step_of(Module& net) {
  return [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
}

std::vector<double> concatenated(const BatchNorm2d& bn) {
  std::vector<double> values = doubles(bn.running_mean().read());
  const std::vector<double> variances = doubles(bn.running_variance().read());
  values.insert(values.end(), variances.begin(), variances.end());
  return values;
}

/// Running statistics of `bn` after one step over all of `data`.
std::vector<double> running_after_step(ResidualNet& net, BatchNorm2d& bn, const Dataset& data, TrainerOptions options) {
  NoUpdate none;
  options.batch = data.spec().samples;
  options.verify_memory = true;
  Trainer trainer(net, none, step_of(net), data.spec(), options);
  trainer.step(data);
  return concatenated(bn);
}

class BatchNormTraining : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }
};

/// (1 − momentum) · r + momentum · statistic of the images, variance with n − 1.
std::vector<double> expected_running(const Dataset& data) {
  std::vector<double> result(4);
  std::vector<float> image(128);
  double sum[2] = {}, squares[2] = {};
  const std::int64_t samples = data.spec().samples;
  for (std::int64_t i = 0; i < samples; ++i) {
    data.read(i, 0, image.data());
    for (std::size_t e = 0; e < 128; ++e) {
      sum[e / 64] += static_cast<double>(image[e]);
      squares[e / 64] += static_cast<double>(image[e]) * static_cast<double>(image[e]);
    }
  }
  const double count = static_cast<double>(samples) * 64;
  for (std::size_t c = 0; c < 2; ++c) {
    result[c] = 0.1 * sum[c] / count;
    result[2 + c] = 0.9 + 0.1 * (squares[c] - sum[c] * sum[c] / count) / (count - 1);
  }
  return result;
}

TEST_F(BatchNormTraining, RunningStatisticsOfTheFirstLayerDoNotDependOnTheSplit) {
  const TensorDataset data = small_data(n, 0);
  const std::vector<double> expected = expected_running(data);
  for (const Device device : {Device::reference(), Device::cpu()}) {
    for (const std::int64_t micro_batch : {1, 3, 7, 20}) {
      ResidualNet net(BatchNormMode::local);
      const std::vector<double> got =
          running_after_step(net, net.first(), data, {.micro_batch = micro_batch, .device = device});
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_NEAR(got[i], expected[i], f32_rounding) << device.str() << ", micro-batch " << micro_batch;
    }
  }
}

TEST_F(BatchNormTraining, LocalIsSplitDependentAndSaysSo) {
  ResidualNet net(BatchNormMode::local), exact(BatchNormMode::exact);
  const TensorDataset data = small_data(n, 0);
  const auto at = [&](std::int64_t micro_batch) {
    return gradients(net, step_of(net), data, {.micro_batch = micro_batch, .device = Device::reference()});
  };
  EXPECT_GT(worst_error(at(5), at(20)), 1e-3);
  NoUpdate none;
  const auto plan = [&](ResidualNet& model) {
    return Trainer(model, none, step_of(model), data.spec(), {.batch = n, .device = Device::cpu()}).plan();
  };
  EXPECT_TRUE(plan(net).split_dependent);
  EXPECT_EQ(plan(net).stages, 1);
  EXPECT_FALSE(plan(exact).split_dependent);
}

TEST_F(BatchNormTraining, ExactEqualsTheWholeBatchForAnySplit) {
  const TensorDataset data = small_data(n, 3);
  ResidualNet local(BatchNormMode::local), exact(BatchNormMode::exact);
  // Of one micro-batch both modes mean the same.
  const auto whole = gradients(local, step_of(local), data, {.device = Device::reference()});
  for (const Crossing crossing : {Crossing::store, Crossing::recompute})
    for (const std::int64_t micro_batch : {1, 3, 7, 20}) {
      EXPECT_LE(
          worst_error(gradients(exact, step_of(exact), data,
                                {.micro_batch = micro_batch, .device = Device::reference(), .crossing = crossing}),
                      whole),
          1e-12)
          << "micro-batch " << micro_batch;
      EXPECT_LE(worst_error(gradients(exact, step_of(exact), data,
                                      {.micro_batch = micro_batch, .device = Device::cpu(), .crossing = crossing}),
                            whole),
                1e-4)
          << "cpu, micro-batch " << micro_batch;
    }
}

TEST_F(BatchNormTraining, ExactRecomputesWhereKeepingDoesNotFit) {
  const TensorDataset data = small_data(400, 0);
  ResidualNet net(BatchNormMode::exact);
  NoUpdate none;
  const auto planned = [&](std::size_t budget, std::optional<Crossing> crossing) {
    return Trainer(net, none, step_of(net), data.spec(),
                   {.batch = 400, .micro_batch = 4, .budget = budget, .device = Device::cpu(), .crossing = crossing})
        .plan();
  };
  const Plan keep = planned(0, {}), recompute = planned(0, Crossing::recompute);
  EXPECT_FALSE(keep.recomputes);
  EXPECT_TRUE(recompute.recomputes);
  ASSERT_LT(recompute.planned_peak_bytes(), keep.planned_peak_bytes() / 2);
  const std::size_t between = (recompute.planned_peak_bytes() + keep.planned_peak_bytes()) / 2;
  EXPECT_TRUE(planned(between, {}).recomputes);
  EXPECT_FALSE(planned(keep.planned_peak_bytes() + 4096, {}).recomputes);  // other algorithms may take a little more
  EXPECT_THROW(planned(between, Crossing::store), OutOfMemory);
  EXPECT_THROW(planned(recompute.planned_peak_bytes() / 2, {}), OutOfMemory);
}

TEST_F(BatchNormTraining, RecomputationLeavesRunningStatisticsAlone) {
  // A loss that squares sums of predictions puts a barrier behind the forward pass, which is then run twice.
  const TensorDataset data = small_data(n, 0);
  std::vector<std::vector<double>> running;
  for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
    ResidualNet net(BatchNormMode::local);
    NoUpdate none;
    const StepFunction step = [&](const Batch& b) {
      const Var total = batch_sum(net(b["image"]));
      return sum_per_sample(mul(total, total));
    };
    Trainer trainer(net, none, step, data.spec(),
                    {.batch = n, .micro_batch = 6, .device = Device::reference(), .crossing = crossing});
    EXPECT_EQ(trainer.plan().stages, 2);
    trainer.step(data);
    running.push_back(concatenated(net.first()));
    running.push_back(concatenated(net.last()));
  }
  const std::vector<double> expected = expected_running(data);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(running[0][i], expected[i], f32_rounding);
  EXPECT_EQ(running[0], running[2]);
  EXPECT_EQ(running[1], running[3]);
}

TEST_F(BatchNormTraining, EvaluationUsesRunningStatisticsAndLeavesThemAlone) {
  const TensorDataset data = small_data(n, 0);
  ResidualNet net(BatchNormMode::local);
  Sgd sgd({.lr = 0.05});
  std::vector<double> before;
  double loss = 0;
  {
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 6, .device = Device::cpu()});
    trainer.step(data);
    before = concatenated(net.last());
    loss = trainer.evaluate(data).loss;
    EXPECT_EQ(concatenated(net.last()), before);
  }
  // Normalised by the running statistics, a sample's result does not depend on its company.
  Trainer single(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 1, .device = Device::cpu()});
  EXPECT_NEAR(single.evaluate(data).loss, loss, 1e-5);
  EXPECT_EQ(concatenated(net.last()), before);
}

TEST_F(BatchNormTraining, AStepThatIsNotTakenLeavesThemAlone) {
  Tensor images = random_tensor({n, 2, 8, 8}, DType::f32, -1, 1, 7);
  images.values<float>()[77] = std::nanf("");
  const TensorDataset data("broken", {{"image", images}, {"label", random_tensor({n}, DType::i32, 0, 4, 8)}});
  ResidualNet net(BatchNormMode::local);
  Sgd sgd({.lr = 0.05});
  Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 6, .device = Device::cpu()});
  const std::vector<double> before = concatenated(net.first());
  EXPECT_THROW(trainer.step(data), NumericError);
  EXPECT_EQ(concatenated(net.first()), before);
}

TEST_F(BatchNormTraining, AFrozenSubtreeKeepsItsStatisticsAndNormalisesByThem) {
  const TensorDataset data = small_data(n, 0);
  const auto at_step_and_evaluation = [&](bool frozen) {
    Sequential net(Sequential(BatchNorm2d(2), Conv2d({.in = 2, .out = 6, .kernel = 3}), BatchNorm2d(6)), Flatten(),
                   Linear({.in = 216, .out = SmallNet::classes}));
    initialize(net, 3);
    for (auto& [name, parameter] : named_parameters(net))
      if (parameter.is_buffer()) parameter.write(random_tensor(parameter.shape(), DType::f32, 0.5, 2, 9));
    Module& body = net[0];
    body.set_trainable(false);
    if (frozen) body.freeze_statistics();
    const std::vector<Parameter> kept = all_parameters(body);
    std::vector<std::vector<double>> before;
    for (const Parameter& parameter : kept) before.push_back(doubles(parameter.read()));
    const std::vector<double> head = doubles(all_parameters(net[2])[0].read());

    Sgd sgd({.lr = 0.05});
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 6, .device = Device::cpu()});
    const double evaluated = trainer.evaluate(data).loss, stepped = trainer.step(data).loss;
    trainer.step(data);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const bool same = doubles(kept[i].read()) == before[i];
      EXPECT_EQ(same, frozen || !kept[i].is_buffer()) << kept[i].name();
    }
    EXPECT_NE(doubles(all_parameters(net[2])[0].read()), head);
    body.freeze_statistics(!frozen);
    EXPECT_THROW(trainer.step(data), UsageError);  // another model than the planned one
    return std::pair{stepped, evaluated};
  };
  const auto [frozen_step, frozen_evaluation] = at_step_and_evaluation(true);
  EXPECT_NEAR(frozen_step, frozen_evaluation, 1e-6);
  const auto [free_step, free_evaluation] = at_step_and_evaluation(false);
  EXPECT_GT(std::abs(free_step - free_evaluation), 1e-2);
}

TEST_F(BatchNormTraining, FrozenParametersTakeNoGradientMemory) {
  const TensorDataset data = small_data(n, 0);
  ResidualNet net(BatchNormMode::local);
  NoUpdate none;
  const auto planned = [&] {
    return Trainer(net, none, step_of(net), data.spec(), {.batch = n, .micro_batch = 5, .device = Device::cpu()})
        .plan();
  };
  const Plan free = planned();
  net.last().set_trainable(false);
  const Plan frozen = planned();
  EXPECT_LT(frozen.ledger.total(Category::gradient).planned_bytes, free.ledger.total(Category::gradient).planned_bytes);
  EXPECT_EQ(frozen.ledger.total(Category::buffer).planned_bytes, free.ledger.total(Category::buffer).planned_bytes);
}

}  // namespace
}  // namespace sluice::test
