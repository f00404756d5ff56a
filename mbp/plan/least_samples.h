#pragma once

#include <cstdint>
#include <string>

#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/step_graph.h>

namespace sluice {

/// The smallest sizes for which every op of a step is defined (Op::least_samples).
struct LeastSamples {
  /// A minimum number of samples, and the layer that needs it.
  struct Need {
    std::int64_t samples = 1;
    std::string layer = {};  ///< "layers.1 (batch_norm)"
  };
  Need micro_batch;    ///< minimum of ops whose result depends on the split
  Need logical_batch;  ///< minimum of all other ops
};
/// Returns the minimums of all ops that the outputs, gradients and writers of `step` depend on.
LeastSamples least_samples(const StepGraph& step);

/// Returns why logical batches of `batch` samples cannot be split into micro-batches of at most
/// `micro_batch` samples; empty if they can. `which` names the batches in the message: "the epoch's last
/// logical batch". The smallest part of a split never shrinks when `micro_batch` grows.
std::string refusal(const LeastSamples& least, const std::string& which, std::int64_t batch, std::int64_t micro_batch);
/// The same for a given split.
std::string refusal(const LeastSamples& least, const std::string& which, const MicroBatches& split);

}  // namespace sluice
