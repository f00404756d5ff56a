#include "gpu/checks.h"

#include <iostream>
#include <vector>

#include <fmt/format.h>

#include "gpu/nets.h"
#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// Weights, loss and memory after a few epochs from the same start.
struct Trained {
  std::string weights_hash;
  double loss = 0;
  MemoryReport memory;
  RecordedParts parts;
};

Trained train(const SmallModel& model, const Dataset& data, const TrainerOptions& options, int epochs) {
  const std::unique_ptr<Module> net = model.make(BatchNormMode::local);
  Adam adam({.lr = 1e-3});
  Trainer trainer(*net, adam, samples::classify(*net), data.spec(), options);
  Trained trained;
  for (int epoch = 0; epoch < epochs; ++epoch) trained.loss = trainer.run_epoch(data).loss;
  trained.weights_hash = trainer.weights_hash();
  trained.memory = trainer.memory_report();
  trained.parts = trainer.recorded_parts();
  return trained;
}

/// Where the device records kernels, every part must have been.
void claim_recorded(Findings& findings, const SmallModel& model, Device device, const RecordedParts& parts) {
  if (device.backend().records())
    findings.claim(parts.recorded > 0 && parts.refused == 0,
                   fmt::format("{}: {} parts are replayed as graphs, {} could not be captured", model.name,
                               parts.recorded, parts.refused));
}

// An epoch has a whole logical batch and a smaller one, so that parts of several sizes are recorded.
void check_replay(Device device, Findings& findings) {
  constexpr int epochs = 4;
  for (const SmallModel& model : small_models()) {
    const TensorDataset data = random_images(model, 50);
    TrainerOptions options{.batch = 32, .micro_batch = 7, .device = device};
    const Trained recorded = train(model, data, options, epochs), again = train(model, data, options, epochs);
    claim_recorded(findings, model, device, recorded.parts);
    options.record = false;
    const Trained eager = train(model, data, options, epochs);
    findings.claim(recorded.weights_hash == eager.weights_hash && recorded.loss == eager.loss,
                   fmt::format("{}: {} steps give the same weights replayed ({}) and kernel by kernel ({})", model.name,
                               2 * epochs, recorded.weights_hash, eager.weights_hash));
    findings.claim(again.weights_hash == recorded.weights_hash,
                   fmt::format("{}: a second run gives the same weights", model.name));
  }
}

void check_memory(Device device, Findings& findings) {
  constexpr int epochs = 100, replays_an_epoch = 10, warm_epochs = 3;
  Backend& backend = device.backend();
  for (const SmallModel& model : small_models()) {
    const TensorDataset data = random_images(model, 2 * replays_an_epoch);
    const std::unique_ptr<Module> net = model.make(BatchNormMode::local);
    Adam adam({.lr = 1e-4});
    Trainer trainer(*net, adam, samples::classify(*net), data.spec(),
                    {.batch = data.spec().samples, .micro_batch = 2, .device = device});
    for (int epoch = 0; epoch < warm_epochs; ++epoch) trainer.run_epoch(data);
    const auto free_bytes = [&] { return backend.memory().value_or(DeviceMemory{}).free; };
    const std::size_t allocated = backend.allocated_bytes(), free = free_bytes();
    for (int epoch = 0; epoch < epochs; ++epoch) trainer.run_epoch(data);
    const std::size_t free_after = free_bytes();
    claim_recorded(findings, model, device, trainer.recorded_parts());
    findings.claim(backend.allocated_bytes() == allocated,
                   fmt::format("{}: {} bytes are ours before and after {} replays", model.name, allocated,
                               epochs * replays_an_epoch));
    if (backend.memory())
      findings.claim(free_after == free,
                     fmt::format("{}: {} bytes of the device are free before, {} after (no other program may use it)",
                                 model.name, free, free_after));
  }
}

void check_planned(Device device, Findings& findings) {
  for (const SmallModel& model : small_models()) {
    const TensorDataset data = random_images(model, 20);
    for (const Recompute recompute : {Recompute::none, Recompute::cheap}) {
      TrainerOptions options{.batch = 12, .micro_batch = 5, .device = device, .recompute = recompute};
      const Trained run = train(model, data, options, 2);
      options.verify_memory = true;
      const Trained verified = train(model, data, options, 2);
      const std::string which =
          fmt::format("{}, {}", model.name, recompute == Recompute::none ? "nothing recomputed" : "cheap recomputed");
      const auto equal = [&](const MemoryReport& report, const std::string& how) {
        findings.claim(report.measured_peak_bytes == report.planned_peak_bytes,
                       fmt::format("{}: planned {} bytes, {} {}", which, report.planned_peak_bytes, how,
                                   report.measured_peak_bytes));
      };
      equal(run.memory, "allocated");
      equal(verified.memory, "written");
      findings.claim(verified.memory.verified && verified.weights_hash == run.weights_hash,
                     which + ": nothing is written elsewhere, and watching changes no weight");
      if (run.memory.device_outside_bytes)
        findings.note(fmt::format("{}: beside the plan, driver and libraries take {} bytes", which,
                                  *run.memory.device_outside_bytes));
    }
  }
}

/// Precisions in which the device multiplies.
std::vector<Precision> precisions(Device device) {
  std::vector<Precision> all = {Precision::fp32};
  if (device.backend().resolved(Precision::automatic) == Precision::tf32) all.push_back(Precision::tf32);
  return all;
}

void check_gradients(Device device, Findings& findings) {
  for (const SmallModel& model : small_models()) {
    const TensorDataset data = random_images(model, 16);
    const std::unique_ptr<Module> net = model.make(BatchNormMode::local);
    const StepFunction step = samples::classify(*net);
    const auto expected = gradients(*net, step, data, {.device = Device::reference()});
    for (const Precision precision : precisions(device)) {
      const bool fp32 = precision == Precision::fp32;
      const double error =
          worst_error(gradients(*net, step, data, {.device = device, .precision = precision}), expected);
      const double tolerance = fp32 ? model.fp32_tolerance : model.tf32_tolerance;
      findings.claim(error <= tolerance,
                     fmt::format("{}: gradients in {} err by {:.2g} of those of the reference device (at most {:.0e})",
                                 model.name, fp32 ? "fp32" : "tf32", error, tolerance));
    }
  }
}

// Batch normalisation over the logical batch, which no split may change.
void check_split(Device device, Findings& findings) {
  for (const SmallModel& model : small_models()) {
    const TensorDataset data = random_images(model, 16);
    const std::unique_ptr<Module> net = model.make(BatchNormMode::exact);
    const StepFunction step = samples::classify(*net);
    const TrainerOptions options{.device = device, .precision = Precision::fp32};
    const auto whole = gradients(*net, step, data, options);
    for (const std::int64_t micro_batch : {1, 3, 8}) {
      TrainerOptions split = options;
      split.micro_batch = micro_batch;
      const double error = worst_error(gradients(*net, step, data, split), whole);
      findings.claim(
          error <= 2 * model.fp32_tolerance,
          fmt::format("{}: gradients of {} samples in micro-batches of {} err by {:.2g} of those of the whole "
                      "batch (at most {:.0e})",
                      model.name, data.spec().samples, micro_batch, error, 2 * model.fp32_tolerance));
    }
  }
}

}  // namespace

void Findings::claim(bool holds, const std::string& text) {
  std::cout << (holds ? "ok    " : "FAIL  ") << text << std::endl;
  all_hold_ = all_hold_ && holds;
}

void Findings::note(const std::string& text) { std::cout << "      " << text << std::endl; }

std::span<const Check> checks() {
  static const std::vector<Check> all = {
      {"op", "single ops give what the reference device gives", check_op_alone},
      {"training", "a whole training lowers the loss", check_training},
      {"replay", "captured replays give the weights of single kernels, bit for bit", check_replay},
      {"memory", "1000 replays leave the device's memory as it was", check_memory},
      {"planned", "the planned bytes are those that are allocated, and those that are written", check_planned},
      {"gradients", "gradients are those of the reference device", check_gradients},
      {"split", "gradients of micro-batches are those of the whole batch", check_split},
  };
  return all;
}

}  // namespace sluice::test
