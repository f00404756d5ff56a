// Checkpoints: a run that ends and is restored is the run that did not end; files that are not this run's are refused.
#include <sluice/mbp/train/checkpoint.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/layers/layers.h>
#include <sluice/layers/losses.h>
#include <sluice/layers/weights.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/sgd.h>

#include "mbp/small_net.h"
#include "support/file_test.h"

namespace sluice::test {
namespace {

StepFunction loss_of(SmallNet& net) {
  return [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
}

std::unique_ptr<Optimizer> optimizer_of(bool adam, double lr = 0.05) {
  const Schedule falling = [](std::int64_t step) { return 1.0 / static_cast<double>(1 + step); };
  if (adam) return std::make_unique<Adam>(AdamOptions{.lr = lr, .schedule = falling});
  return std::make_unique<Sgd>(SgdOptions{.lr = lr, .momentum = 0.9, .schedule = falling});
}

class Checkpoints : public FileTest {
 protected:
  const TensorDataset data_ = small_data(50, 3);
  const TrainerOptions options_{.batch = 20, .micro_batch = 6, .device = Device::cpu(), .seed = 3};

  /// Trains `steps` steps from the beginning and saves; returns the hash after `more` steps.
  std::string save_after(int steps, int more, const std::string& file, bool adam = false) {
    SmallNet net;
    const auto optimizer = optimizer_of(adam);
    Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options_);
    for (int i = 0; i < steps; ++i) trainer.step(data_);
    trainer.save(path(file));
    for (int i = 0; i < more; ++i) trainer.step(data_);
    return trainer.weights_hash();
  }
};

TEST_F(Checkpoints, ARestoredRunIsBitwiseTheOneThatWentOn) {
  for (const bool adam : {false, true})
    for (const int steps : {0, 1, 2, 3, 4}) {  // an epoch has 3
      const std::string expected = save_after(steps, 3, "c", adam);
      SmallNet net(/*seed=*/77);  // other weights
      const auto optimizer = optimizer_of(adam);
      Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options_);
      EXPECT_EQ(trainer.restore(path("c")), std::vector<std::string>{});
      EXPECT_EQ(trainer.training_state().step, steps);
      for (int i = 0; i < 3; ++i) trainer.step(data_);
      EXPECT_EQ(trainer.weights_hash(), expected) << steps << optimizer->str();
      EXPECT_EQ(files(), 1);
    }
}

TEST_F(Checkpoints, ATrainerThatHasTrainedAlreadyGoesBack) {
  const std::string expected = save_after(2, 3, "c");
  SmallNet net;
  const auto optimizer = optimizer_of(false);
  Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options_);
  for (int i = 0; i < 4; ++i) trainer.step(data_);  // and has read ahead
  trainer.restore(path("c"));
  for (int i = 0; i < 3; ++i) trainer.step(data_);
  EXPECT_EQ(trainer.weights_hash(), expected);
}

TEST_F(Checkpoints, WhatDiffersIsListed) {
  save_after(2, 0, "c");
  SmallNet net;
  const auto optimizer = optimizer_of(false, 0.04);
  TrainerOptions options = options_;
  options.micro_batch = 9;
  options.threads = 1;
  Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options);
  std::string text;
  for (const std::string& difference : trainer.restore(path("c"))) text += difference + "\n";
  for (const char* const part :
       {"micro-batch: 5 in the checkpoint, 7 now", "threads: ", "plan: ", "optimizer: sgd(lr=0.05"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find("batch: 20"), std::string::npos) << text;
  EXPECT_EQ(trainer.step(data_).step, 3);
}

TEST_F(Checkpoints, AnotherBatchGoesOnInTheMiddleOfAnEpoch) {
  save_after(1, 0, "c");
  SmallNet net;
  const auto optimizer = optimizer_of(false);
  Checkpoint(path("c")).restore(net, *optimizer);
  TrainerOptions options = options_;
  options.batch = 13;
  Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options);
  const Result rest = trainer.run_epoch(data_);
  EXPECT_EQ(rest.samples, 30);  // of 50, 20 were done
  EXPECT_EQ(rest.step, 4);
}

TEST_F(Checkpoints, AreFilesOfWeightsToo) {
  save_after(2, 0, "c");
  SmallNet net(5);
  const LoadedWeights loaded = load_weights(net, path("c"), {.other_tensors = "optimizer."});
  EXPECT_TRUE(loaded.complete());
  EXPECT_EQ(loaded.loaded.size(), 4u);
}

TEST_F(Checkpoints, AreSavedBetweenStepsAndNotWithinOne) {
  SmallNet net;
  const auto optimizer = optimizer_of(false);
  Trainer trainer(net, *optimizer, loss_of(net), data_.spec(), options_);
  int steps = 0;
  trainer.on_step([&] {
    trainer.save(path("c" + std::to_string(++steps)));
    EXPECT_THROW(trainer.restore(path("c1")), UsageError);
  });
  trainer.run_epoch(data_);
  EXPECT_EQ(files(), 3);
  for (int step = 1; step <= 3; ++step) EXPECT_EQ(Checkpoint(path("c" + std::to_string(step))).step(), step);
  trainer.on_step(nullptr);
  trainer.on_progress([&](const Progress&) { EXPECT_THROW(trainer.save(path("d")), UsageError); });
  trainer.run_epoch(data_);
  EXPECT_EQ(files(), 3);
}

TEST_F(Checkpoints, WhatIsNotThisRunsIsRefusedAndChangesNothing) {
  save_after(2, 0, "c");
  SmallNet net(9);
  const auto sgd = optimizer_of(false), adam = optimizer_of(true);
  const auto refused = [&](Optimizer& optimizer, TrainerOptions options, const std::string& file,
                           const std::string& part) {
    Trainer trainer(net, optimizer, loss_of(net), data_.spec(), options);
    const std::string before = trainer.weights_hash();
    const std::string error = error_of<DataError>([&] { trainer.restore(path(file)); });
    EXPECT_NE(error.find(part), std::string::npos) << error << "\nexpected: " << part;
    EXPECT_EQ(trainer.weights_hash(), before);
    EXPECT_EQ(trainer.training_state().step, 0);
  };
  refused(*adam, options_, "c", "is of the optimizer sgd; got adam(");
  TrainerOptions seed = options_;
  seed.seed = 4;
  refused(*sgd, seed, "c", "has the seed 3; got 4");
  refused(*sgd, options_, "none", "No such file");
  save_weights(net, path("weights"));
  refused(*sgd, options_, "weights", "is no checkpoint of Sluice");
  const auto rewritten = [&](const std::string& key, const std::string& value) {
    std::map<std::string, std::string> metadata = SafetensorsFile(path("c")).metadata();
    metadata[key] = value;
    write_safetensors(path("other"), weights_to_store(net, "test"), metadata);
  };
  rewritten("sluice checkpoint", "2");
  refused(*sgd, options_, "other", "is a checkpoint of format 2; expected 1 to 1");
  rewritten("step", "-1");
  refused(*sgd, options_, "other", "its 'step' is '-1'; expected a whole number");
  rewritten("position", "51");
  refused(*sgd, options_, "other", "is behind the 50 samples");
}

TEST_F(Checkpoints, ACheckpointOfAnotherModelIsRefused) {
  save_after(2, 0, "c");
  Sequential other(Flatten(), Linear({.in = 128, .out = 5}));
  initialize(other, 1);
  const auto sgd = optimizer_of(false);
  const std::string error = error_of<DataError>([&] { Checkpoint(path("c")).restore(other, *sgd); });
  for (const char* const part : {"are not this model's", "missing: 1.weight, 1.bias", "unexpected: bias, conv_bias"})
    EXPECT_NE(error.find(part), std::string::npos) << error;
}

}  // namespace
}  // namespace sluice::test
