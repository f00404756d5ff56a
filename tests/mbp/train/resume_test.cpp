// Trainers that go on from where another one ended, and steps taken one by one.

#include <atomic>
#include <cstring>

#include <gtest/gtest.h>

#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/layers/layers.h>
#include <sluice/layers/losses.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>

#include "mbp/linear_net.h"
#include "mbp/residual_net.h"

namespace sluice::test {
namespace {

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  ASSERT_EQ(a.bytes(), b.bytes());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.bytes()), 0);
}

StepFunction step_of(SmallNet& net) {
  return [&net](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("logits", logits);
    return mean_cross_entropy(logits, b["label"]);
  };
}

/// SGD with momentum and Adam, both with a schedule.
std::vector<std::unique_ptr<Optimizer>> optimizers() {
  std::vector<std::unique_ptr<Optimizer>> result;
  const Schedule falling = [](std::int64_t step) { return 1.0 / static_cast<double>(1 + step); };
  result.push_back(std::make_unique<Sgd>(SgdOptions{.lr = 0.1, .momentum = 0.9, .schedule = falling}));
  result.push_back(std::make_unique<Adam>(AdamOptions{.lr = 0.01, .schedule = falling}));
  return result;
}

TrainerOptions options_for(const Device& device) {
  return {.batch = 20, .micro_batch = 6, .device = device, .seed = 3};
}

class Resume : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { register_reference_device(); }
  Device device() const { return GetParam() ? Device::reference() : Device::cpu(); }
};

TEST_P(Resume, ARunThatIsPlannedAgainInTheMiddleIsBitwiseTheRunThatWasNot) {
  if (GetParam()) GTEST_SKIP() << "between two slabs of the reference device, parameters are f32 on the host";
  const TensorDataset data = small_data(50, 3);
  for (int which = 0; which < 2; ++which) {
    const auto whole = std::move(optimizers()[static_cast<std::size_t>(which)]);
    const auto parts = std::move(optimizers()[static_cast<std::size_t>(which)]);
    SmallNet net, again;
    std::string expected;
    {
      Trainer trainer(net, *whole, step_of(net), data.spec(), options_for(device()));
      for (int step = 0; step < 7; ++step) trainer.step(data);
      expected = trainer.weights_hash();
    }
    for (int part = 0; part < 3; ++part) {  // 2, 3 and 2 steps: an epoch has 3
      TrainerOptions options = options_for(device());
      if (part == 1) options.budget = 64 << 20;
      Trainer trainer(again, *parts, step_of(again), data.spec(), options);
      EXPECT_EQ(trainer.training_state().step, part == 0 ? 0 : part == 1 ? 2 : 5);
      for (int step = 0; step < (part == 1 ? 3 : 2); ++step) trainer.step(data);
      if (part == 2) {
        EXPECT_EQ(trainer.weights_hash(), expected) << parts->str();
        EXPECT_EQ(trainer.training_state().epoch, 2);
        EXPECT_EQ(trainer.training_state().position, 20);
        EXPECT_EQ(trainer.training_state().seed, 3u);
      }
    }
  }
}

TEST_P(Resume, TheOptimizersTensorsComeBackToTheHostAndGoToTheNextSlab) {
  const TensorDataset data = linear_data(20);
  LinearNet net;
  Sgd sgd({.lr = 0.1, .momentum = 0.9});
  const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
  const std::vector<Parameter> parameters = all_parameters(net);
  Tensor before;
  {
    Trainer trainer(net, sgd, step, data.spec(), {.batch = 10, .device = device()});
    trainer.step(data);
    before = trainer.training_state().tensor("weight", "velocity");
    EXPECT_NE(trainer.training_state().home(), nullptr);
    EXPECT_GT(relative_error(before, Tensor(before.shape(), before.dtype())), 0);
  }
  const std::shared_ptr<TrainingState> state = sgd.training_state(parameters);
  EXPECT_EQ(state->home(), nullptr);
  expect_equal(state->tensor("weight", "velocity"), before);
  EXPECT_EQ(state->keys().size(), 2u);

  net.weight.set_trainable(false);  // its tensor waits until it is trained again
  {
    Trainer trainer(net, sgd, step, data.spec(), {.batch = 5, .device = device()});
    trainer.step(data);
    expect_equal(trainer.training_state().tensor("weight", "velocity"), before);
  }
  net.weight.set_trainable(true);
  Trainer trainer(net, sgd, step, data.spec(), {.batch = 20, .device = device()});
  trainer.step(data);
  EXPECT_EQ(trainer.training_state().step, 3);
  EXPECT_GT(relative_error(trainer.training_state().tensor("weight", "velocity"), before), 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, Resume, testing::Values(0, 1),
                         [](const auto& info) { return info.param ? "Reference" : "Cpu"; });

TEST(ResumedTraining, AnEpochGoesOnWithAnotherBatchFromAnyPosition) {
  const TensorDataset data = small_data(50, 3);
  SmallNet net;
  Sgd sgd({.lr = 0.1});
  std::int64_t samples = 0;
  for (const std::int64_t batch : {7, 20, 11}) {
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = batch, .micro_batch = 6, .device = Device::cpu()});
    samples += trainer.step(data).samples;
    EXPECT_EQ(trainer.training_state().position, samples);
  }
  Trainer last(net, sgd, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu(), .verify_memory = true});
  EXPECT_EQ(last.run_epoch(data).samples, 50 - 7 - 20 - 11);
  EXPECT_EQ(last.run_epoch(data).samples, 50);
  EXPECT_EQ(last.training_state().epoch, 2);
}

TEST(ResumedTraining, ATrainerThatWasOvertakenSaysSo) {
  const TensorDataset data = small_data(50, 3);
  SmallNet net;
  Sgd sgd({.lr = 0.1});
  Trainer early(net, sgd, step_of(net), data.spec(), {.batch = 25, .device = Device::cpu()});
  {
    Trainer other(net, sgd, step_of(net), data.spec(), {.batch = 7, .device = Device::cpu()});
    other.step(data);
  }
  expect_parts_of(message_of<UsageError>([&] { early.step(data); }), {"43 samples left", "expected a new Trainer"});
}

TEST(ResumedTraining, AnotherDataSetBeginsAnEpoch) {
  const TensorDataset data = small_data(50, 3), other = small_data(30, 3);
  SmallNet net;
  Sgd sgd({.lr = 0.1});
  {
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
    trainer.step(data);
  }
  Trainer trainer(net, sgd, step_of(net), other.spec(), {.batch = 20, .device = Device::cpu()});
  EXPECT_EQ(trainer.run_epoch(other).samples, 30);
  EXPECT_EQ(trainer.training_state().epoch, 2);
}

TEST(ResumedTraining, AnOptimizerThatIsResetBeginsAgain) {
  const TensorDataset data = small_data(50, 3);
  Sgd sgd({.lr = 0.1, .momentum = 0.9});
  std::vector<std::string> hashes;
  for (int time = 0; time < 2; ++time) {
    SmallNet net;
    sgd.reset();
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 20, .device = Device::cpu()});
    EXPECT_EQ(trainer.run_epoch(data).step, 3);
    hashes.push_back(trainer.weights_hash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

/// An optimizer with a tensor of another shape beside each parameter, that begins at 2.
class Counting final : public Optimizer {
 public:
  explicit Counting(Shape shape) : shape_(std::move(shape)) {}
  void update(Graph& graph, std::span<const Trained> trained) const override {
    Sgd({.lr = 1}).update(graph, trained);
    for (const Trained& t : trained) {
      const Var count = graph.state("count", t.parameter, {.shape = shape_, .first_value = 2});
      sgd_update(std::vector{count}, std::vector{graph.constant(-1, shape_)}, {}, graph.scalar("lr"), {});
    }
  }
  std::vector<std::pair<std::string, double>> scalars(std::int64_t) const override { return {{"lr", 0.5}}; }
  std::string str() const override { return "counting"; }

 private:
  Shape shape_;
};

TEST(ResumedTraining, StateHasTheShapeAndFirstValueThatItsOptimizerDeclares) {
  register_reference_device();
  const TensorDataset data = linear_data(20);
  for (const Device& device : {Device::cpu(), Device::reference()}) {
    LinearNet net;
    const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
    Counting counting({2, 3});
    for (int part = 1; part <= 2; ++part) {
      Trainer trainer(net, counting, step, data.spec(), {.batch = 10, .device = device, .verify_memory = true});
      trainer.step(data);
      const Tensor count = trainer.training_state().tensor("weight", "count").to(DType::f32);
      EXPECT_EQ(count.shape(), (Shape{2, 3}));
      for (const float x : count.values<float>()) EXPECT_EQ(x, 2 + 0.5f * static_cast<float>(part));
    }
  }
}

TEST(ResumedTraining, StateThatIsDeclaredDifferentlyIsRefused) {
  Graph graph;
  const Parameter parameter(Tensor({3}), "w");
  graph.state("m", parameter);
  EXPECT_THROW(graph.state("m", parameter, {.shape = {3}, .first_value = 1}), ShapeError);
  EXPECT_THROW(graph.state("m", parameter, {.shape = {2}}), ShapeError);
}

TEST(ResumedTraining, WhileParametersAreInASlabOfHostMemoryTheHostHasNoCopy) {
  const TensorDataset data = linear_data(20);
  LinearNet net;
  Sgd sgd({.lr = 0.1});
  const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
  Tensor trained;
  {
    Trainer trainer(net, sgd, step, data.spec(), {.batch = 10, .device = Device::cpu()});
    EXPECT_FALSE(net.weight.data()->value.released());  // no memory is taken before the first step
    trainer.step(data);
    EXPECT_TRUE(net.weight.data()->value.released());
    EXPECT_EQ(net.weight.shape(), (Shape{LinearNet::classes, LinearNet::features}));
    trained = net.weight.read();
    EXPECT_EQ(trained.bytes(), sizeof(float) * LinearNet::classes * LinearNet::features);
  }
  EXPECT_FALSE(net.weight.data()->value.released());
  expect_equal(net.weight.read(), trained);
}

// --- Steps one by one

/// Says when it is read, and whether it may be.
class Watched final : public Dataset {
 public:
  explicit Watched(const TensorDataset& data) : data_(data) {}
  const DataSpec& spec() const override { return data_.spec(); }
  void read(std::int64_t index, std::size_t field, void* to) const override {
    ++reads;
    if (!open) ++reads_while_closed;
    data_.read(index, field, to);
  }
  mutable std::atomic<int> reads = 0, reads_while_closed = 0;
  std::atomic<bool> open = false;

 private:
  const TensorDataset& data_;
};

TEST(StepByStep, ReadsAheadOfTheNextCallAndNotBetweenCalls) {
  const TensorDataset data = small_data(48, 3);
  Watched watched(data);
  SmallNet net;
  Sgd sgd({.lr = 0.1});
  Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 12, .micro_batch = 4, .device = Device::cpu()});
  const int fields = 2;  // that the step reads
  for (int step = 0; step < 9; ++step) {
    watched.open = true;
    trainer.step(watched);
    watched.open = false;
    EXPECT_EQ(watched.reads, fields * (12 * (step + 1) + 4)) << step;  // what is read ahead is not read again
  }
  EXPECT_EQ(watched.reads_while_closed, 0);
}

TEST(StepByStep, IsTheSameAsWholeEpochsWhateverIsDoneInBetween) {
  const TensorDataset data = small_data(50, 3), test = small_data(50, 0, 11);
  std::vector<std::string> hashes;
  for (int way = 0; way < 4; ++way) {
    SmallNet net;
    Sgd sgd({.lr = 0.1, .momentum = 0.9});
    Trainer trainer(net, sgd, step_of(net), data.spec(), {.batch = 20, .micro_batch = 6, .device = Device::cpu()});
    for (int step = 0; step < 6; ++step) {
      if (way == 0) {
        if (step % 3 == 0) trainer.run_epoch(data);
        continue;
      }
      trainer.step(data);
      if (way == 2) trainer.evaluate(test);
      if (way == 3) trainer.predict(test, "logits");
    }
    hashes.push_back(trainer.weights_hash());
    EXPECT_EQ(hashes.back(), hashes.front()) << way;
  }
}

TEST(StepByStep, EveryDataSetIsReadItself) {
  // Each data set lives for one step only, mostly where the one before it was.
  std::vector<std::string> hashes;
  for (int way = 0; way < 2; ++way) {
    SmallNet net;
    Sgd sgd({.lr = 0.1});
    const DataSpec spec = small_data(40, 0).spec();
    Trainer trainer(net, sgd, step_of(net), spec, {.batch = 20, .micro_batch = 5, .device = Device::cpu()});
    std::vector<std::unique_ptr<TensorDataset>> kept;
    for (std::uint64_t seed = 1; seed < 6; ++seed) {
      kept.push_back(std::make_unique<TensorDataset>(small_data(40, 0, seed)));
      trainer.step(*kept.back());
      if (way == 1) kept.clear();
    }
    hashes.push_back(trainer.weights_hash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST(StepByStep, ASampleThatCannotBeReadIsAnErrorOfTheStepThatNeedsIt) {
  TensorDataset data = linear_data(20);
  Tensor labels({20}, DType::i32);
  labels.values<std::int32_t>()[10] = 99;
  const TensorDataset bad("bad",
                          {{"x", random_tensor({20, LinearNet::features}, DType::f32, -1, 1, 1)}, {"label", labels}});
  LinearNet net;
  Sgd sgd({.lr = 0.1});
  const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
  Trainer trainer(net, sgd, step, bad.spec(), {.batch = 10, .device = Device::cpu(), .shuffle = false});
  EXPECT_EQ(trainer.step(bad).step, 1);  // has read the bad sample ahead
  for (int time = 0; time < 2; ++time)
    expect_parts_of(message_of<DataError>([&] { trainer.step(bad); }), {"sample 10"});
  trainer.skip_batch();
  EXPECT_EQ(trainer.step(bad).step, 2);
}

TEST(StepByStep, AModelThatIsChangedBetweenStepsIsNoticed) {
  class Net final : public Module {
   public:
    Var forward(Var x) override { return fc(drop(x)); }
    void children(const ChildVisitor& visit) override {
      visit("drop", drop);
      visit("fc", fc);
    }
    Dropout drop{0.5};
    Linear fc{{.in = LinearNet::features, .out = LinearNet::classes}};
  };
  const TensorDataset data = linear_data(20);
  const std::function<void(Net&)> changes[] = {
      [](Net& net) { net.drop.set_rate(0.1); }, [](Net& net) { net.set_training(false); },
      [](Net& net) { net.fc.set_trainable(false); },
      [](Net& net) { net.fc = Linear({.in = LinearNet::features, .out = LinearNet::classes}); }};
  for (const auto& change : changes) {
    Net net;
    Sgd sgd({.lr = 0.1});
    const StepFunction step = [&](const Batch& b) { return cross_entropy(net(b["x"]), b["label"]); };
    Trainer trainer(net, sgd, step, data.spec(), {.batch = 10, .device = Device::cpu()});
    trainer.step(data);
    change(net);
    expect_parts_of(message_of<UsageError>([&] { trainer.step(data); }), {"the model was changed after planning"});
    expect_parts_of(message_of<UsageError>([&] { trainer.step(data); }), {"the model was changed after planning"});
  }
}

}  // namespace
}  // namespace sluice::test
