#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sluice/sluice.h>

namespace sluice::bench {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A net that is measured, with the optimizer it is trained by. peer_pytorch.py describes the same nets.
struct Net {
  std::string name;
  Shape image;
  std::unique_ptr<Module> (*module)();
  std::unique_ptr<Optimizer> (*optimizer)();
};
std::span<const Net> nets();
const Net& net(const std::string& name);

/// Random images and labels of ten classes. One batch after another of what is the same for all that is measured.
TensorDataset random_data(const Net& net, std::int64_t samples);

/// Shapes of the trained parameters in order, "64x3x3x3 64 64 ...": equal for equal nets.
std::string parameter_shapes(ModuleBase& module);

/// Cross entropy of a module's logits.
StepFunction classify(Module& module);

/// What nets are measured on, and how it multiplies.
struct Where {
  Device device = Device::cpu();
  int threads = 0;  ///< of the host's; 0: all cores
  Precision precision = Precision::automatic;
};

/// A net in training with a fixed batch and micro-batch.
class TrainedNet {
 public:
  /// Times `steps` steps after `untimed` ones.
  struct Turn {
    std::int64_t untimed = 0, steps = 1;
  };
  TrainedNet(const Net& net, std::int64_t batch, std::int64_t micro_batch, Turn turn, const Where& where);

  /// Takes the memory and makes the kernels: one replay of a step that is not taken.
  void warm_up();
  /// Seconds of a whole step as a user sees it: images from the data set, forward, backward, update. Nothing is under
  /// way on the device before or after.
  double seconds_per_step();
  /// The same steps, each by a call of its own.
  double seconds_per_call();

  Trainer& trainer() { return *trainer_; }

 private:
  Turn turn_;
  TensorDataset data_;  // one epoch is one turn
  std::unique_ptr<Module> module_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace sluice::bench
