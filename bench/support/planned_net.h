#pragma once

#include <memory>

#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_graph.h>

#include "support/nets.h"

namespace sluice::bench {

/// A net with its training step planned for one micro-batch, as Trainer does it: for looking at the parts.
class PlannedNet {
 public:
  PlannedNet(const Net& net, std::int64_t micro_batch);

  Backend& backend() const { return backend_; }
  const TensorDataset& data() const { return data_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  RunPlan& plan() const { return *plan_; }

 private:
  Backend& backend_;
  TensorDataset data_;
  std::unique_ptr<Module> module_;
  std::unique_ptr<Optimizer> optimizer_;
  StepGraph training_, evaluation_;
  std::unique_ptr<RunPlan> plan_;
};

}  // namespace sluice::bench
