// Two Trainers of one process at the same time do not know of one another.

#include <thread>

#include <gtest/gtest.h>

#include <sluice/optim/sgd.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// What can be seen of a run.
struct Outcome {
  std::string plan_hash, weights_hash, precision;
  std::size_t measured_peak_bytes = 0, planned_peak_bytes = 0;
  int threads = 0;
  double loss = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Run {
  std::int64_t batch = 20, micro_batch = 6;
  int threads = 1;
  Precision precision = Precision::automatic;
  std::uint64_t seed = 1;
};

Outcome run(const Run& how) {
  const TensorDataset data = small_data(90, 3, how.seed);
  SmallNet net(how.seed);
  Sgd sgd({.lr = 0.1, .momentum = 0.9});
  const StepFunction step = [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
  Trainer trainer(net, sgd, step, data.spec(),
                  {.batch = how.batch,
                   .micro_batch = how.micro_batch,
                   .device = Device::cpu(),
                   .threads = how.threads,
                   .precision = how.precision,
                   .seed = how.seed});
  Result result;
  for (int epoch = 0; epoch < 8; ++epoch) {
    result = trainer.run_epoch(data);
    trainer.evaluate(data);
  }
  const MemoryReport memory = trainer.memory_report();
  return {.plan_hash = trainer.plan().hash,
          .weights_hash = trainer.weights_hash(),
          .precision = trainer.plan().precision,
          .measured_peak_bytes = memory.measured_peak_bytes,
          .planned_peak_bytes = memory.planned_peak_bytes,
          .threads = trainer.options().threads,
          .loss = result.loss};
}

/// As they are alone, and on two threads at once.
void expect_the_same_at_once(const Run& a, const Run& b) {
  const Outcome alone_a = run(a), alone_b = run(b);
  EXPECT_EQ(alone_a.measured_peak_bytes, alone_a.planned_peak_bytes);
  for (int time = 0; time < 3; ++time) {
    Outcome first, second;
    std::thread other([&] { second = run(b); });
    first = run(a);
    other.join();
    EXPECT_EQ(first, alone_a);
    EXPECT_EQ(second, alone_b);
  }
}

TEST(TwoTrainers, OnTwoThreadsAreAsTheyAreAlone) {
  expect_the_same_at_once({.seed = 1}, {.batch = 45, .micro_batch = 9, .seed = 2});
}

TEST(TwoTrainers, KeepTheirPrecisions) {
  expect_the_same_at_once({.precision = Precision::strict}, {.precision = Precision::fp32});
}

TEST(TwoTrainers, KeepTheirNumbersOfThreads) {
  if (Device::cpu().backend().threads() < 2) GTEST_SKIP() << "one thread only";
  expect_the_same_at_once({.threads = 2}, {.threads = 1});
}

TEST(TwoTrainers, InterleavedOnOneThreadAreAsTheyAreAlone) {
  const TensorDataset data = small_data(60, 3);
  std::string alone;
  for (const bool interleaved : {false, true}) {
    SmallNet net, other_net(5);
    Sgd sgd({.lr = 0.1}), other_sgd({.lr = 0.1});
    const StepFunction step = [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
    const StepFunction other_step = [&](const Batch& b) {
      return mean_cross_entropy(other_net(b["image"]), b["label"]);
    };
    Trainer trainer(net, sgd, step, data.spec(), {.batch = 20, .micro_batch = 6, .device = Device::cpu()});
    Trainer other(other_net, other_sgd, other_step, data.spec(),
                  {.batch = 60, .device = Device::cpu(), .precision = Precision::strict});
    for (int i = 0; i < 6; ++i) {
      trainer.step(data);
      if (interleaved) other.step(data);
    }
    EXPECT_EQ(trainer.memory_report().measured_peak_bytes, trainer.plan().planned_peak_bytes());
    if (!interleaved)
      alone = trainer.weights_hash();
    else
      EXPECT_EQ(trainer.weights_hash(), alone);
  }
}

}  // namespace
}  // namespace sluice::test
