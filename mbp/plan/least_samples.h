#pragma once

#include <cstdint>
#include <string>

#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/step_graph.h>

namespace sluice {

/// The fewest samples a step has a meaning with (Op::least_samples), and which layers say so.
struct LeastSamples {
  /// A number of samples and the layer that needs it.
  struct Need {
    std::int64_t samples = 1;
    std::string layer = {};  ///< "layers.1 (batch_norm)"
  };
  Need micro_batch;    ///< what depends on the split
  Need logical_batch;  ///< what does not
};
LeastSamples least_samples(const StepGraph& step);

/// Why logical batches of `batch` samples in micro-batches of `micro_batch` (the largest of its split) cannot be:
/// `which` begins that, "the epoch's last logical batch". Empty: they can. A larger micro-batch never has a smaller
/// least part.
std::string refusal(const LeastSamples& least, const std::string& which, std::int64_t batch, std::int64_t micro_batch);
/// The same for samples that are split like this.
std::string refusal(const LeastSamples& least, const std::string& which, const MicroBatches& split);

}  // namespace sluice
