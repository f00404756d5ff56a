#include "support/nets.h"

#include <array>

#include "models/fashion_cnn.h"
#include "models/resnet.h"

namespace sluice::bench {
namespace {

// Small learning rates: on random labels large ones diverge, and a step with infinities is not a step.
const std::array<Net, 2> all_nets = {
    Net{"resnet18_cifar",
        {3, 32, 32},
        []() -> std::unique_ptr<Module> { return std::make_unique<samples::ResNet18Cifar>(); },
        []() -> std::unique_ptr<Optimizer> {
          return std::make_unique<Sgd>(SgdOptions{.lr = 1e-3, .momentum = 0.9, .weight_decay = 5e-4});
        }},
    Net{"fashion_cnn",
        {1, 28, 28},
        []() -> std::unique_ptr<Module> { return std::make_unique<samples::FashionCnn>(); },
        []() -> std::unique_ptr<Optimizer> { return std::make_unique<Adam>(AdamOptions{.lr = 1e-4}); }},
};

}  // namespace

std::span<const Net> nets() { return all_nets; }

const Net& net(const std::string& name) {
  for (const Net& net : all_nets)
    if (net.name == name) return net;
  throw UsageError("bench: no net is called '" + name + "'");
}

TensorDataset random_data(const Net& net, std::int64_t samples) {
  Tensor images(net.image.with_leading(samples)), labels({samples}, DType::i32);
  std::uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
  for (float& pixel : images.values<float>()) pixel = static_cast<float>(next()) * 0x2p-24f - 1;
  for (std::int32_t& label : labels.values<std::int32_t>()) label = static_cast<std::int32_t>(next() % 10);
  return TensorDataset("random", {{"image", images}, {"label", labels}});
}

std::string parameter_shapes(ModuleBase& module) {
  std::string text;
  for (const Parameter& parameter : all_parameters(module)) {
    if (!parameter.trainable() || parameter.is_buffer()) continue;
    text += text.empty() ? "" : " ";
    for (int d = 0; d < parameter.shape().rank(); ++d) text += (d ? "x" : "") + std::to_string(parameter.shape()[d]);
  }
  return text;
}

StepFunction classify(Module& module) {
  return [&module](const Batch& batch) { return cross_entropy(module(batch["image"]), batch["label"]); };
}

TrainedNet::TrainedNet(const Net& net, std::int64_t batch, std::int64_t micro_batch, Turn turn, const Where& where)
    : turn_(turn),
      data_(random_data(net, batch * (turn.untimed + turn.steps))),
      module_(net.module()),
      optimizer_(net.optimizer()),
      trainer_(std::make_unique<Trainer>(*module_, *optimizer_, classify(*module_), data_.spec(),
                                         TrainerOptions{.batch = batch,
                                                        .micro_batch = micro_batch,
                                                        .device = where.device,
                                                        .threads = where.threads,
                                                        .precision = where.precision})) {}

void TrainedNet::warm_up() {
  trainer_->on_progress([this](const Progress&) { trainer_->stop(); });
  trainer_->step(data_);
  trainer_->on_progress({});
}

double TrainedNet::seconds_per_step() {
  for (std::int64_t i = 0; i < turn_.untimed; ++i) trainer_->step(data_);
  Backend& backend = trainer_->options().device.backend();
  backend.synchronize();
  const auto start = std::chrono::steady_clock::now();
  trainer_->run_epoch(data_);
  backend.synchronize();
  return seconds_since(start) / static_cast<double>(turn_.steps);
}

double TrainedNet::seconds_per_call() {
  for (std::int64_t i = 0; i < turn_.untimed; ++i) trainer_->step(data_);
  Backend& backend = trainer_->options().device.backend();
  backend.synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < turn_.steps; ++i) trainer_->step(data_);
  backend.synchronize();
  return seconds_since(start) / static_cast<double>(turn_.steps);
}

}  // namespace sluice::bench
