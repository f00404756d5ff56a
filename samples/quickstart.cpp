// The whole of Sluice in one page: a model, a batch and a byte budget.
//
//   build/bin/quickstart
//
// Trains on batches of 4096 images within 64 MiB; prints the plan, the loss and test accuracy of every epoch, and the
// memory report. The data is the Debian package dataset-fashion-mnist. On a machine that others use, set
// GOMP_SPINCOUNT=2000 (docs/promises.md tells why).

#include <iostream>

#include <sluice/sluice.h>

using namespace sluice;

int main() try {
  Sequential net(Conv2d({.in = 1, .out = 32, .kernel = 3, .padding = 1}), ReLU(), MaxPool2d(2),   //
                 Conv2d({.in = 32, .out = 64, .kernel = 3, .padding = 1}), ReLU(), MaxPool2d(2),  //
                 Flatten(), Linear({.in = 3136, .out = 128}), ReLU(), Dropout(0.1), Linear({.in = 128, .out = 10}));
  std::cout << summary(net, {1, 28, 28}) << '\n';

  const FashionMnist train(Split::train), test(Split::test);
  Adam adam({.lr = 0.006, .schedule = schedule::warmup_cosine({.warmup = 15, .steps = 75})});
  const auto step = [&](const Batch& batch) {
    const Var logits = net(batch["image"]);
    batch.output("accuracy", accuracy(logits, batch["label"]));
    return cross_entropy(logits, batch["label"]);
  };
  Trainer trainer(net, adam, step, train.spec(),
                  {.batch = 4096, .budget = 64_MiB, .device = Device::cpu(), .evaluation = test.spec()});

  std::cout << trainer.plan() << '\n';  // before anything is allocated
  for (int epoch = 0; epoch < 5; ++epoch) {
    std::cout << trainer.run_epoch(train) << '\n';
    std::cout << "  test accuracy " << trainer.evaluate(test).metrics["accuracy"] << std::endl;
  }
  std::cout << '\n' << trainer.memory_report() << std::flush;  // planned | measured | budget
  if (!std::cout) throw Error("cannot write to standard output");
} catch (const std::exception& error) {
  std::cerr << "quickstart: " << message_of(error) << '\n';
  return 1;
}
