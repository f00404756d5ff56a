#include "support/planned_net.h"

#include <limits>

namespace sluice::bench {

PlannedNet::PlannedNet(const Net& net, std::int64_t micro_batch, int threads)
    : backend_(Device::cpu().backend()),
      data_(random_data(net, micro_batch)),
      module_(net.module()),
      optimizer_(net.optimizer()) {
  backend_.set_threads(threads);
  initialize(*module_, 1);
  const StepFunction step = classify(*module_);
  training_ = make_training_graph(trace(*module_, step, data_.spec()), *optimizer_, /*fold=*/true, /*keep_gradients=*/false);
  evaluation_ = make_evaluation_graph(trace_evaluation(*module_, step, data_.spec()));
  plan_ = make_run_plan({.training = &training_,
                         .evaluation = &evaluation_,
                         .data = &data_.spec(),
                         .batch = micro_batch,
                         .micro_batch = micro_batch,
                         .evaluation_samples = micro_batch,
                         .workspace_cap_bytes = std::numeric_limits<std::size_t>::max(),
                         .backend = &backend_});
}

}  // namespace sluice::bench
