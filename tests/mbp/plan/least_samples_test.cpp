// Splits that leave BatchNorm one value a channel are refused when they are planned.

#include <gtest/gtest.h>

#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/losses.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"

namespace sluice::test {
namespace {

/// BatchNorm over [N,6], or over [N,6,1,1], or over [N,6,1,2] where `positions` is 2.
class NormNet final : public Module {
 public:
  explicit NormNet(BatchNormMode mode = BatchNormMode::local, std::int64_t positions = 1)
      : norm_({.channels = LinearNet::features, .mode = mode}),
        positions_(positions) {}
  Var forward(Var x) override {
    if (positions_ == 1) return linear_(norm_(x));
    const Var wide = expand_per_sample(sum_per_sample(x), {LinearNet::features, 1, positions_});
    return linear_(sum_of(norm_(wide)));
  }
  void children(const ChildVisitor& visit) override {
    visit("norm", norm_);
    visit("linear", linear_);
  }
  BatchNorm2d& norm() { return norm_; }

 private:
  static Var sum_of(Var x) { return expand_per_sample(sum_per_sample(x), {LinearNet::features}); }

  BatchNorm2d norm_;
  LinearNet linear_;
  std::int64_t positions_;
};

StepFunction step_of(NormNet& net) {
  return [&net](const Batch& b) { return cross_entropy(net(b["x"]), b["second"]); };
}

class LeastSamplesTest : public testing::Test {
 protected:
  std::string refusal(NormNet& net, std::int64_t samples, TrainerOptions options) {
    options.device = Device::cpu();
    return message_of<UsageError>([&] { Trainer(net, none_, step_of(net), linear_data(samples).spec(), options); });
  }
  Plan plan(NormNet& net, std::int64_t samples, TrainerOptions options) {
    options.device = Device::cpu();
    return Trainer(net, none_, step_of(net), linear_data(samples).spec(), options).plan();
  }

  NoUpdate none_;
};

TEST_F(LeastSamplesTest, OneValueAChannelIsRefusedNamingLayerAndSize) {
  NormNet net;
  expect_parts_of(refusal(net, 20, {.batch = 1}), {"norm", "of 1 sample", "at least 2", "drop_last"});
  expect_parts_of(refusal(net, 20, {.batch = 10, .micro_batch = 1}),
                  {"norm (batch_norm)", "micro-batches of 1 sample", "at least 2", "exact"});
  expect_parts_of(refusal(net, 21, {.batch = 10}), {"norm", "the epoch's last logical batch of 1 sample"});
  expect_parts_of(refusal(net, 23, {.batch = 10, .micro_batch = 2}),
                  {"the epoch's last logical batch of 3 samples in micro-batches of 2 and 1 sample"});
  EXPECT_EQ(refusal(net, 23, {.batch = 10, .micro_batch = 3}), "");
  EXPECT_EQ(refusal(net, 20, {.batch = 10, .micro_batch = 2}), "");
}

TEST_F(LeastSamplesTest, MorePositionsAreMoreValues) {
  NormNet net(BatchNormMode::local, 2);
  EXPECT_EQ(refusal(net, 20, {.batch = 10, .micro_batch = 1}), "");
  EXPECT_EQ(refusal(net, 20, {.batch = 1}), "");
}

TEST_F(LeastSamplesTest, OverTheLogicalBatchOnlyThatCounts) {
  NormNet net(BatchNormMode::exact);
  EXPECT_EQ(refusal(net, 20, {.batch = 10, .micro_batch = 1}), "");
  EXPECT_EQ(refusal(net, 22, {.batch = 10, .micro_batch = 1}), "");
  expect_parts_of(refusal(net, 21, {.batch = 10, .micro_batch = 1}),
                  {"norm", "of a logical batch", "the epoch's last logical batch of 1 sample"});
  expect_parts_of(refusal(net, 20, {.batch = 1}), {"norm", "logical batches of 1 sample"});
}

TEST_F(LeastSamplesTest, FrozenStatisticsAndEvaluationTakeAnyNumber) {
  NormNet net;
  net.norm().freeze_statistics();
  EXPECT_EQ(refusal(net, 21, {.batch = 10, .micro_batch = 1}), "");
  net.norm().freeze_statistics(false);
  const TensorDataset data = linear_data(20);
  for (const std::int64_t samples : {3, 5}) {  // the last micro-batch is one sample
    const TensorDataset few = linear_data(samples);
    Trainer trainer(net, none_, step_of(net), data.spec(),
                    {.batch = 10, .micro_batch = 2, .device = Device::cpu(), .evaluation = few.spec()});
    EXPECT_NO_THROW(trainer.evaluate(few));
  }
}

TEST_F(LeastSamplesTest, MicroBatchesThatTheTrainerChoosesAreNeverRefused) {
  NormNet net;
  // The smallest budget for which there is a plan, and a little more: the plan has parts of two samples at least.
  for (const std::int64_t samples : {24, 27, 29}) {
    const std::string too_small = message_of<OutOfMemory>([&] { plan(net, samples, {.batch = 12, .budget = 1000}); });
    const std::size_t at = too_small.find("budget is ", too_small.find("feasible"));
    ASSERT_NE(at, std::string::npos) << too_small;
    const std::size_t feasible = std::stoul(too_small.substr(at + 10));
    for (std::size_t budget = feasible; budget < feasible + 4000; budget += 500) {
      const Plan chosen = plan(net, samples, {.batch = 12, .budget = budget});
      EXPECT_LE(chosen.planned_peak_bytes(), budget);
      EXPECT_GE(MicroBatches(12, chosen.micro_batch).least_size(), 2);
      if (chosen.tail) {
        EXPECT_GE(MicroBatches(chosen.tail, chosen.micro_batch).least_size(), 2);
      }
    }
  }
  const Plan fastest = plan(net, 24, {.batch = 12, .fastest = true});
  for (const SizeCandidate& candidate : fastest.candidates) EXPECT_GE(candidate.micro_batch, 2);
}

TEST_F(LeastSamplesTest, DropLastLeavesOutThePartialLogicalBatch) {
  NormNet net;
  const TensorDataset data = linear_data(21);
  Sgd sgd({.lr = 0.1});
  Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 10, .device = Device::cpu(), .drop_last = true});
  EXPECT_EQ(trainer.plan().steps_per_epoch, 2);
  EXPECT_EQ(trainer.plan().tail, 0);
  EXPECT_EQ(trainer.plan().dropped, 1);
  EXPECT_EQ(trainer.plan().samples, 20);
  std::ostringstream text;
  text << trainer.plan();
  expect_parts_of(text.str(), {"20 samples = 2 steps (1 more is left out)"});
  std::int64_t last = 0, total = 0;
  trainer.on_progress([&](const Progress& progress) {
    last = progress.samples, total = progress.total_samples;
    EXPECT_EQ(progress.steps, 2);
  });
  const Result first = trainer.run_epoch(data);
  EXPECT_EQ(first.samples, 20);
  EXPECT_EQ(first.step, 2);
  EXPECT_EQ(first.epoch, 0);
  EXPECT_EQ(last, 20);
  EXPECT_EQ(total, 20);
  EXPECT_EQ(trainer.step(data).epoch, 1);
  EXPECT_EQ(trainer.run_epoch(data).samples, 10);
  EXPECT_EQ(trainer.evaluate(data).samples, 21);
  expect_parts_of(message_of<UsageError>([&] {
                    Trainer(net, sgd, step_of(net), data.spec(),
                            {.batch = 30, .device = Device::cpu(), .drop_last = true});
                  }),
                  {"drop_last", "30", "21 samples"});
}

TEST_F(LeastSamplesTest, DropLastOfNothingChangesNothing) {
  std::vector<std::string> plans;
  for (const bool drop : {false, true}) {
    NormNet net;
    plans.push_back(plan(net, 20, {.batch = 10, .drop_last = drop}).hash);
  }
  EXPECT_EQ(plans[0], plans[1]);
}

}  // namespace
}  // namespace sluice::test
