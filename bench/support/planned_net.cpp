#include "support/planned_net.h"

#include <limits>

#include <sluice/mbp/plan/make_run_plan.h>

namespace sluice::bench {

PlannedNet::PlannedNet(const Net& net, std::int64_t micro_batch)
    : backend_(Device::cpu().backend()),
      data_(random_data(net, micro_batch)),
      module_(net.module()),
      optimizer_(net.optimizer()) {
  initialize(*module_, 1);
  const StepFunction step = classify(*module_);
  training_ = make_training_graph(trace(*module_, step, data_.spec()), *optimizer_, backend_, /*fold=*/true,
                                  /*keep_gradients=*/false);
  evaluation_ = make_evaluation_graph(trace_evaluation(*module_, step, data_.spec()), backend_);
  RunPlanRequest request;
  request.training = &training_;
  request.evaluation = &evaluation_;
  request.data = &data_.spec();
  request.batch = request.micro_batch = request.evaluation_samples = micro_batch;
  request.caps.bytes = std::numeric_limits<std::size_t>::max();
  request.backend = &backend_;
  plan_ = make_run_plan(request);
}

}  // namespace sluice::bench
