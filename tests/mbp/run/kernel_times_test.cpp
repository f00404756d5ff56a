#include <sluice/mbp/run/kernel_times.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

struct TimedRun {
  explicit TimedRun(TrainerOptions options, bool two_stages = false) : data(small_data(60, 0)) {
    options.device = Device::cpu();
    const StepFunction step = [this, two_stages](const Batch& b) {
      const Var logits = net(b["image"]);
      const Var loss = mean_cross_entropy(logits, b["label"]);
      if (!two_stages) return loss;
      const Var total = batch_sum(sum_per_sample(logits));
      return add(loss, mul(total, total));
    };
    trainer = std::make_unique<Trainer>(net, none, step, data.spec(), options);
  }
  std::ptrdiff_t count(SliceKind kind) const {
    const KernelTimes times = trainer->kernel_times();
    return std::count_if(times.slices.begin(), times.slices.end(), [&](const TimedSlice& s) { return s.kind == kind; });
  }

  SmallNet net;
  NoUpdate none;
  TensorDataset data;
  std::unique_ptr<Trainer> trainer;
};

TEST(KernelTimes, AreThoseOfTheStepsAskedFor) {
  TimedRun run({.batch = 25, .micro_batch = 7});
  run.trainer->run_epoch(run.data);
  EXPECT_TRUE(run.trainer->kernel_times().slices.empty());  // nobody asked
  run.trainer->record_times(2);
  run.trainer->run_epoch(run.data);  // 25, 25 and a tail of 10
  EXPECT_EQ(run.trainer->kernel_times().steps, 2);
  EXPECT_EQ(run.count(SliceKind::step), 2);
  EXPECT_EQ(run.count(SliceKind::inputs), 8);
  const std::size_t slices = run.trainer->kernel_times().slices.size();
  run.trainer->run_epoch(run.data);
  EXPECT_EQ(run.trainer->kernel_times().slices.size(), slices);
}

TEST(KernelTimes, HaveRoomForEveryStageAndTheTail) {
  TimedRun run({.batch = 25, .micro_batch = 7}, true);
  run.trainer->record_times(3);
  run.trainer->run_epoch(run.data);
  EXPECT_EQ(run.count(SliceKind::step), 3);
  EXPECT_EQ(run.count(SliceKind::inputs), 2 * (4 + 4 + 2));
  EXPECT_EQ(run.count(SliceKind::loading), 2 * (4 + 4 + 2));
  const PlanDetails details = run.trainer->plan_details();
  std::ptrdiff_t kernels = 0;
  const KernelTimes times = run.trainer->kernel_times();
  for (const TimedSlice& s : times.slices)
    if (s.kind == SliceKind::part)
      kernels += static_cast<std::ptrdiff_t>(details.parts[static_cast<std::size_t>(s.part)].instructions.size());
  EXPECT_EQ(run.count(SliceKind::kernel), kernels);
}

TEST(KernelTimes, LeaveOutAStepThatWasStopped) {
  TimedRun run({.batch = 25, .micro_batch = 7});
  run.trainer->record_times(1);
  run.trainer->on_progress([&](const Progress& progress) {
    if (progress.replay == 2) run.trainer->stop();
  });
  EXPECT_TRUE(run.trainer->step(run.data).stopped);
  run.trainer->on_progress({});
  EXPECT_EQ(run.count(SliceKind::step), 0);
  run.trainer->step(run.data);
  EXPECT_EQ(run.count(SliceKind::step), 1);
  EXPECT_EQ(run.count(SliceKind::inputs), 4);
}

TEST(KernelTimes, AreNotThoseOfVerifyMode) {
  TimedRun run({.batch = 25, .micro_batch = 7, .verify_memory = true});
  EXPECT_THROW(run.trainer->record_times(1), UsageError);
  TimedRun other({.batch = 25, .micro_batch = 7});
  EXPECT_THROW(other.trainer->record_times(0), UsageError);
}

}  // namespace
}  // namespace sluice::test
