// Trains a CNN on CIFAR-10, or on made-up images in its format when there is no data at hand:
//
//   build/bin/train_cifar10 --data synthetic --model lenet
//   build/bin/train_cifar10 --data /path/to/cifar-10-batches-bin --model fashion_cnn --epochs 20
//
// Prints the plan (what every byte of the budget is for), one line an epoch with the test accuracy, and the memory
// report: what was planned beside what was measured. --help lists the flags. The data is the binary version of
// https://www.cs.toronto.edu/~kriz/cifar.html; the made-up images are cached in ~/.cache/sluice for the next run.

#include <sluice/sluice.h>

#include "common/model_table.h"
#include "common/run_trainer.h"
#include "common/spin_briefly.h"
#include "common/synthetic_cifar10.h"
#include "models/fashion_cnn.h"
#include "models/lenet.h"
#include "models/resnet.h"

using namespace sluice;
using namespace sluice::samples;

namespace {

/// The made-up images stay the same whatever --seed says, so that runs can be compared.
constexpr std::uint64_t synthetic_seed = 1;

struct Data {
  Cifar10 train, test;
};

Data load(const std::string& directory, std::int64_t limit) {
  return {.train = Cifar10(Split::train, directory, limit), .test = Cifar10(Split::test, directory, limit)};
}

/// Whatever lies in files is in memory afterwards.
Data load(const TrainerFlags& flags) {
  if (flags.data != "synthetic")
    return load(flags.data.empty() ? Cifar10::default_directory() : flags.data, flags.limit);
  const SyntheticCifar10 files(synthetic_seed, flags.quiet);
  return load(files.directory(), flags.limit);
}

}  // namespace

int main(int argc, char** argv) {
  spin_briefly(argv);
  const Shape image{3, 32, 32};
  const ModelTable models{{"lenet", [&](const TrainerFlags&) { return std::make_unique<LeNet>(image); }},
                          {"fashion_cnn", [&](const TrainerFlags&) { return std::make_unique<FashionCnn>(image); }},
                          {"resnet18_cifar", [](const TrainerFlags& flags) {
                             return std::make_unique<ResNet18Cifar>(ResNet18Cifar::Options{.mode = bn_mode(flags)});
                           }}};
  const TrainerFlags defaults{.models = names_of(models),
                              .other_models = {{"resnet18",
                                                "got 'resnet18', which is the net for images of 224x224 (sluice plan "
                                                "--model resnet18); expected resnet18_cifar, the one for 32x32"}},
                              .data_help = "directory of the data set's files, or synthetic: made-up images",
                              .epochs = 5,
                              .batch = 512,
                              .budget = 32_MiB,
                              .adam_lr = 0.001,
                              .sgd_lr = 0.05};

  const auto body = [&](const TrainerFlags& flags, Outputs& outputs) {
    const Data data = load(flags);

    const std::unique_ptr<Module> net = make_model(models, flags);
    const auto step = [&](const Batch& batch) {
      const Var logits = (*net)(batch["image"]);
      batch.output("accuracy", accuracy(logits, batch["label"]));
      return cross_entropy(logits, batch["label"]);
    };
    return run_trainer(flags,
                       {.model = flags.model,
                        .dataset = flags.data == "synthetic" ? "synthetic-cifar-10" : "cifar-10",
                        .net = *net,
                        .step = step,
                        .train = data.train,
                        .test = data.test},
                       outputs);
  };
  return trainer_main(argc, argv, "Trains a CNN on CIFAR-10 within a byte budget.", defaults, body);
}
