// Trains a small CNN on Fashion-MNIST with a logical batch far larger than the memory it is given:
//
//   build/bin/train_fashion_mnist --batch 4096 --budget 64MiB --epochs 12
//
// Prints the plan (what every byte of the budget is for), one line an epoch with the test accuracy, and the memory
// report: what was planned beside what was measured. --help lists the flags. The data is the Debian package
// dataset-fashion-mnist.

#include <sluice/sluice.h>

#include "common/model_table.h"
#include "common/run_trainer.h"
#include "common/spin_briefly.h"
#include "models/fashion_cnn.h"
#include "models/lenet.h"

using namespace sluice;
using namespace sluice::samples;

int main(int argc, char** argv) {
  spin_briefly(argv);
  const ModelTable models{{"fashion_cnn", [](const TrainerFlags&) { return std::make_unique<FashionCnn>(); }},
                          {"lenet", [](const TrainerFlags&) { return std::make_unique<LeNet>(); }}};
  const TrainerFlags defaults{
      .models = names_of(models), .epochs = 12, .batch = 4096, .budget = 64_MiB, .adam_lr = 0.008, .sgd_lr = 0.05};

  const auto body = [&](const TrainerFlags& flags, Outputs& outputs) {
    const std::string directory = flags.data.empty() ? FashionMnist::default_directory() : flags.data;
    const FashionMnist train(Split::train, directory, flags.limit);
    const FashionMnist test(Split::test, directory, flags.limit);

    const std::unique_ptr<Module> net = make_model(models, flags);
    const auto step = [&](const Batch& batch) {
      const Var logits = (*net)(batch["image"]);
      batch.output("accuracy", accuracy(logits, batch["label"]));
      return cross_entropy(logits, batch["label"]);
    };
    return run_trainer(
        flags,
        {.model = flags.model, .dataset = "fashion-mnist", .net = *net, .step = step, .train = train, .test = test},
        outputs);
  };
  return trainer_main(argc, argv, "Trains a CNN on Fashion-MNIST within a byte budget.", defaults, body);
}
