// What is looked at first: single ops, one of our own kernels and one of each vendor's library, and one whole training.

#include <cmath>

#include <fmt/format.h>

#include <sluice/core/device_run.h>
#include <sluice/core/evaluate.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/relu/relu.h>

#include "gpu/checks.h"
#include "gpu/nets.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

/// Images whose label is the place of a bright stripe: what a net learns in a few steps.
TensorDataset striped_images(std::int64_t samples) {
  constexpr std::int64_t side = 28;
  Tensor images = random_tensor({samples, 1, side, side}, DType::u8, 0, 100, 1);
  Tensor labels({samples}, DType::i32);
  const auto pixels = images.values<std::uint8_t>();
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t label = i % small_model_classes;
    labels.values<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(label);
    for (std::int64_t x = 0; x < 2 * side; ++x)
      pixels[static_cast<std::size_t>((i * side + 2 * label + 4) * side + x)] = 255;
  }
  return TensorDataset("striped", {{"image", images, {0.5}, {0.25}}, {"label", labels}});
}

}  // namespace

void check_op_alone(Device device, Findings& findings) {
  constexpr double tolerance = 1e-5;
  const DeviceRun run(device.backend(), Precision::fp32);
  const DeviceRun::Scope scope(run);
  const Parameter filters(random_tensor({6, 4, 3, 3}, DType::f32, -1, 1, 1), "filters");
  const Parameter weight(random_tensor({5, 256}, DType::f32, -1, 1, 2), "weight");
  const Tensor x = random_tensor({3, 4, 8, 8}, DType::f32, -1, 1, 3),
               rows = random_tensor({3, 256}, DType::f32, -1, 1, 4);
  Graph graph;
  const Var image = graph.input("x", {4, 8, 8}), row = graph.input("rows", {256});
  const std::pair<const char*, Var> ops[] = {
      {"relu", relu(image)},
      {"linear", linear(row, graph.parameter(weight))},
      {"conv2d", conv2d(image, graph.parameter(filters), {.padding = 1})},
  };
  for (const auto& [name, var] : ops) {
    const std::map<std::string, Tensor> inputs = {{"x", x}, {"rows", rows}};
    const double error = relative_error(evaluate(var, inputs, {.device = device, .workspace_cap_bytes = 1 << 24}),
                                        evaluate(var, inputs, {.device = Device::reference()}));
    findings.claim(error <= tolerance,
                   fmt::format("{}: errs by {:.2g} of the reference device (at most {:.0e})", name, error, tolerance));
  }
}

void check_training(Device device, Findings& findings) {
  constexpr int epochs = 12;
  const TensorDataset data = striped_images(200);
  samples::FashionCnn net;
  Adam adam({.lr = 1e-3});
  Trainer trainer(net, adam, samples::classify(net), data.spec(), {.batch = 40, .micro_batch = 16, .device = device});
  const double before = trainer.run_epoch(data).loss;
  double after = before;
  for (int epoch = 1; epoch < epochs; ++epoch) after = trainer.run_epoch(data).loss;
  findings.claim(std::isfinite(after) && after < before / 3,
                 fmt::format("fashion_cnn: the loss falls from {:.3g} in the first epoch to {:.3g} in epoch {}", before,
                             after, epochs));
}

}  // namespace sluice::test
