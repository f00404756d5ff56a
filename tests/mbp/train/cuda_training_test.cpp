// Training on a CUDA device: graphs, staging, counters, memory. Skipped where there is none.

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/mbp/plan/step_planner.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/sgd.h>

#include "mbp/residual_net.h"
#include "support/cuda_test.h"
#include "support/read_file.h"

namespace sluice::test {
namespace {

constexpr std::int64_t n = 20;

StepFunction step_of(Module& net) {
  return [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
}

class CudaTraining : public CudaTest {};

/// What training leads to.
struct Trained {
  std::string weights_hash;
  double loss = 0;  ///< of an evaluation
  MemoryReport memory;
};

/// Two epochs with Adam from the net's start.
Trained train(Module&& net, const Dataset& data, TrainerOptions options) {
  Adam adam({.lr = 0.01});
  options.device = Device::cuda();
  Trainer trainer(net, adam, step_of(net), data.spec(), options);
  for (int epoch = 0; epoch < 2; ++epoch) trainer.run_epoch(data);
  return {
      .weights_hash = trainer.weights_hash(), .loss = trainer.evaluate(data).loss, .memory = trainer.memory_report()};
}

// Dropout's numbers come from the counters in device memory; verify mode watches every byte.
TEST_F(CudaTraining, GradientsOfAnySplitAreThoseOfTheWholeBatchOnReference) {
  SmallNet net;
  const TensorDataset data = small_data(n, 3);
  const auto expected = gradients(net, step_of(net), data, {.device = Device::reference()});
  for (const std::int64_t micro_batch : {1, 3, 7, 20})
    EXPECT_LE(
        worst_error(gradients(net, step_of(net), data,
                              {.micro_batch = micro_batch, .device = Device::cuda(), .precision = Precision::fp32}),
                    expected),
        2e-5)
        << "micro-batch " << micro_batch;
}

// Several stages, with values stored in slots that the counters choose, or recomputed.
TEST_F(CudaTraining, ExactBatchNormOfAnySplitIsThatOfTheWholeBatch) {
  const TensorDataset data = small_data(n, 3);
  ResidualNet net(BatchNormMode::exact);
  const auto expected = gradients(net, step_of(net), data, {.device = Device::reference()});
  for (const Crossing crossing : {Crossing::store, Crossing::recompute})
    for (const std::int64_t micro_batch : {3, 7, 20})
      EXPECT_LE(worst_error(gradients(net, step_of(net), data,
                                      {.micro_batch = micro_batch,
                                       .device = Device::cuda(),
                                       .precision = Precision::fp32,
                                       .crossing = crossing}),
                            expected),
                1e-4)
          << "micro-batch " << micro_batch;
}

// Two logical batches an epoch, one of them smaller: every part runs often enough to be recorded, in two sizes.
TEST_F(CudaTraining, RecordedReplaysGiveTheBitsOfSingleKernels) {
  const TensorDataset data = small_data(17, 3);
  const TrainerOptions options{.batch = 10, .micro_batch = 4};
  TrainerOptions plain = options;
  plain.record = false;
  for (const BatchNormMode mode : {BatchNormMode::local, BatchNormMode::exact}) {
    const Trained recorded = train(ResidualNet(mode), data, options), eager = train(ResidualNet(mode), data, plain);
    EXPECT_EQ(recorded.weights_hash, eager.weights_hash);
    EXPECT_EQ(recorded.loss, eager.loss);
    EXPECT_EQ(train(ResidualNet(mode), data, options).weights_hash, recorded.weights_hash) << "not deterministic";
  }
  // With dropout, whose numbers go on from replay to replay.
  EXPECT_EQ(train(SmallNet(), data, options).weights_hash, train(SmallNet(), data, plain).weights_hash);
}

TEST_F(CudaTraining, EveryPartIsRecordedOnceItRan) {
  SmallNet net;
  const TensorDataset data = small_data(n, 3);
  Sgd sgd({.lr = 0.1});
  StepPlanner planner(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 10, .device = Device::cuda()});
  const std::unique_ptr<RunPlan> plan = planner.chosen();
  Scheduler scheduler(*plan, Device::cuda().backend(), /*verify=*/false, 0xA5);
  Feeder feeder(data, {.shuffle = false}, scheduler.incoming(data.spec(), plan->train));
  const Pass pass{.range = {0, 0, n}, .split = {n, 10}};
  for (int step = 0; step < 3; ++step) {
    for (const auto& [name, number] : sgd.scalars(step)) scheduler.set_scalar(name, number);
    scheduler.run(plan->train, pass, feeder, {});
    scheduler.write_state(plan->train, pass);
  }
  std::size_t parts = 0;
  plan->train.for_each_part([&](const PackedPart& part) { parts += part.part.instructions.empty() ? 0 : 1; });
  EXPECT_GE(parts, 3U);
  EXPECT_EQ(scheduler.recorded_parts().recorded, parts);
  EXPECT_EQ(scheduler.recorded_parts().refused, 0U);
}

/// Plans with a tuning file of its own, one after the other.
class CudaTuning : public CudaTraining {
 protected:
  ~CudaTuning() override { std::filesystem::remove(path_); }

  Plan plan(bool tune, TrainerOptions options) {
    options.tuning = path_;
    options.tune = tune;
    return plan(options);
  }
  static Plan plan(TrainerOptions options) {
    options.batch = n;
    options.device = Device::cuda();
    SmallNet net;
    Sgd sgd({.lr = 0.1});
    const TensorDataset data = small_data(n, 3);
    Trainer trainer(net, sgd, step_of(net), data.spec(), options);
    trainer.run_epoch(data);
    return trainer.plan();
  }
  std::string file() const { return read_file(path_); }

 private:
  std::string path_ =
      (std::filesystem::temp_directory_path() / ("sluice_cuda_tuning_" + std::to_string(::getpid()))).string();
};

TEST_F(CudaTuning, TimesConvolutions) {
  const Plan tuned = plan(true, {.micro_batch = 10});
  const std::string written = file();
  for (const char* kernel : {"\nconv2d+relu ", "\nconv2d_grad_weight "})
    EXPECT_NE(written.find(kernel), std::string::npos) << kernel << " is not in: " << written;
  EXPECT_EQ(plan(false, {.micro_batch = 10}).hash, tuned.hash);
  EXPECT_EQ(file(), written);
}

// A budget with room for the workspaces of some kernels, and for none that all may have.
TEST_F(CudaTuning, TimesWhatTheRoomOfEachKernelAllows) {
  const std::size_t whole = plan({.micro_batch = 10}).planned_peak_bytes();
  plan(true, {.micro_batch = 10, .budget = whole * 3 / 4});
  EXPECT_NE(file().find("\nconv2d"), std::string::npos) << file();
}

TEST_F(CudaTuning, TimesReplays) {
  const std::size_t before = Device::cuda().backend().allocated_bytes();
  for (const bool record : {true, false}) {
    const Plan tuned = plan(true, {.fastest = true, .record = record});
    EXPECT_TRUE(tuned.fastest_by_times);
    EXPECT_EQ(tuned.candidates.size(), 5U);  // 20, 10, 5, 2, 1
    for (const SizeCandidate& candidate : tuned.candidates) EXPECT_GT(candidate.replay_ms.value_or(0), 0);
    EXPECT_EQ(plan(false, {.fastest = true, .record = record}).hash, tuned.hash);
  }
  EXPECT_EQ(Device::cuda().backend().allocated_bytes(), before);
}

TEST_F(CudaTraining, TakesThePlannedMemoryToTheByte) {
  const TensorDataset data = small_data(17, 3);
  for (const Recompute recompute : {Recompute::none, Recompute::cheap})
    for (const std::int64_t micro_batch : {4, 10}) {
      TrainerOptions options{.batch = 10, .micro_batch = micro_batch, .recompute = recompute};
      const std::size_t before = Device::cuda().backend().allocated_bytes();
      const Trained run = train(ResidualNet(BatchNormMode::local), data, options);
      EXPECT_EQ(run.memory.measured_peak_bytes, run.memory.planned_peak_bytes);
      options.verify_memory = true;
      const Trained verified = train(ResidualNet(BatchNormMode::local), data, options);
      EXPECT_TRUE(verified.memory.verified);
      EXPECT_EQ(verified.memory.measured_peak_bytes, verified.memory.planned_peak_bytes);
      EXPECT_EQ(verified.weights_hash, run.weights_hash);
      EXPECT_EQ(Device::cuda().backend().allocated_bytes(), before);
      ASSERT_TRUE(run.memory.device_outside_bytes);
    }
}

TEST_F(CudaTraining, MemoryStaysTheSameOverManyReplays) {
  const TensorDataset data = small_data(n, 3);
  SmallNet net;
  Sgd sgd({.lr = 0.001});
  Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = n, .micro_batch = 1, .device = Device::cuda()});
  Backend& backend = Device::cuda().backend();
  for (int warm = 0; warm < 3; ++warm) trainer.run_epoch(data);
  const std::size_t free = backend.memory()->free;
  for (int epoch = 0; epoch < 50; ++epoch) trainer.run_epoch(data);  // 1000 replays
  EXPECT_EQ(backend.memory()->free, free);
}

TEST_F(CudaTraining, PredictsWhatTheReferencePredicts) {
  const TensorDataset data = small_data(n, 0);
  const auto predict = [&](Device device) {
    SmallNet net;
    NoUpdate none;
    const StepFunction step = [&net](const Batch& b) {
      const Var logits = net(b["image"]);
      b.output("logits", logits);
      return mean_cross_entropy(logits, b["label"]);
    };
    Trainer trainer(net, none, step, data.spec(),
                    {.batch = n, .micro_batch = 6, .device = device, .precision = Precision::fp32});
    return trainer.predict(data, "logits");
  };
  EXPECT_LE(relative_error(predict(Device::cuda()), predict(Device::reference())), 1e-5);
}

TEST_F(CudaTraining, ABudgetAboveWhatIsFreeSaysBoth) {
  const TensorDataset data = small_data(n, 0);
  SmallNet net;
  NoUpdate none;
  const DeviceMemory memory = *Device::cuda().backend().memory();
  const auto plan_with = [&](std::size_t budget) {
    return Trainer(net, none, step_of(net), data.spec(), {.batch = n, .budget = budget, .device = Device::cuda()})
        .options()
        .budget;
  };
  try {
    plan_with(memory.total + 1024);
    FAIL() << "no error";
  } catch (const OutOfMemory& error) {
    EXPECT_NE(std::string(error.what()).find("free of"), std::string::npos) << error.what();
  }
  const std::size_t free = plan_with(free_memory);
  EXPECT_GT(free, 0U);
  EXPECT_LT(free, memory.total);
}

TEST_F(CudaTraining, SaysWhereAValueWasNotFinite) {
  class Bad final : public Module {
   public:
    Var forward(Var x) override { return linear(flatten(x), x.graph().parameter(weight_)); }
    void parameters(const ParameterVisitor& visit) override { visit("weight", weight_); }

   private:
    Parameter weight_{random_tensor({SmallNet::classes, 128}, DType::f32, 1e38, 3e38, 1)};
  };
  const TensorDataset data = small_data(n, 0);
  Bad net;
  NoUpdate none;
  Trainer trainer(net, none, step_of(net), data.spec(), {.batch = n, .micro_batch = 6, .device = Device::cuda()});
  try {
    trainer.step(data);
    FAIL() << "no error";
  } catch (const NumericError& error) {
    EXPECT_NE(std::string(error.what()).find("stage 0, micro-batch 0, node"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sluice::test
