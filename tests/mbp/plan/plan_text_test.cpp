#include <sstream>

#include <gtest/gtest.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

template <class Printed>
std::string text_of(const Printed& printed) {
  std::ostringstream text;
  text << printed;
  return text.str();
}

/// A trainer of the small net on 12 samples, in logical batches of 6.
struct SmallTrainer {
  explicit SmallTrainer(std::int64_t micro_batch)
      : trainer(net, none, step, data.spec(), {.batch = 6, .micro_batch = micro_batch, .device = Device::cpu()}) {}

  SmallNet net;
  NoUpdate none;
  TensorDataset data = small_data(12, 0);
  StepFunction step = [this](const Batch& batch) { return mean_cross_entropy(net(batch["image"]), batch["label"]); };
  Trainer trainer;
};

TEST(ResultText, IsOfAnEpochOnlyAfterOne) {
  SmallTrainer small(3);
  EXPECT_EQ(text_of(small.trainer.step(small.data)).substr(0, 13), "step 1: loss ");
  const std::string epoch = "epoch 1, average of training: loss ";
  EXPECT_EQ(text_of(small.trainer.run_epoch(small.data)).substr(0, epoch.size()), epoch);
  EXPECT_EQ(text_of(small.trainer.evaluate(small.data)).substr(0, 5), "loss ");
}

TEST(ResultText, OneBatchIsNotSeveral) {
  Result result{.skipped = 1, .of = ResultOf::epoch};
  EXPECT_NE(text_of(result).find(", 1 logical batch skipped,"), std::string::npos);
  result.skipped = 2;
  EXPECT_NE(text_of(result).find(", 2 logical batches skipped,"), std::string::npos);
}

TEST(PlanText, SaysWhatBecameOfTheMicroBatchThatWasAskedFor) {
  // Six samples in parts of four: two replays, and so three samples in each.
  const SmallTrainer balanced(4);
  EXPECT_EQ(balanced.trainer.plan().micro_batch, 3);
  EXPECT_EQ(balanced.trainer.plan().asked_micro_batch, 4);
  const std::string text = text_of(balanced.trainer.plan());
  EXPECT_NE(text.find("  micro-batch 3 instead of the 4 asked for: 2 replays either way"), std::string::npos) << text;

  const SmallTrainer clamped(64);
  EXPECT_EQ(clamped.trainer.plan().asked_micro_batch, 64);
  const std::string clamped_text = text_of(clamped.trainer.plan());
  EXPECT_NE(clamped_text.find("  micro-batch 6 instead of the 64 asked for: a step has 6 samples\n"), std::string::npos)
      << clamped_text;

  for (const std::int64_t as_it_is : {0, 2, 3, 6}) {
    const SmallTrainer small(as_it_is);
    EXPECT_EQ(small.trainer.plan().balancing(), "") << as_it_is;
  }
}

TEST(PlanText, OneThingIsNotSeveral) {
  Plan plan;
  plan.samples = plan.batch = plan.micro_batch = plan.replays = plan.steps_per_epoch = plan.dropped = 1;
  const std::string text = text_of(plan);
  EXPECT_NE(text.find("= 1 micro-batch of up to 1"), std::string::npos) << text;
  EXPECT_NE(text.find("1 sample = 1 step (1 more is left out)"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::test
