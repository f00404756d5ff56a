#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/mbp/plan/make_run_plan.h>
#include <sluice/mbp/plan/run_plan.h>

#include "small_net.h"

namespace sluice::test {

/// What differs between the plans of tests.
struct PlanOptions {
  std::int64_t samples = 90, batch = 40, micro_batch = 7, evaluation_samples = 90;
  std::size_t workspace_cap_bytes = 0;
  Crossing crossing = Crossing::store;
  bool fold = true, squared = false;
};

/// A run plan of a SmallNet for the CPU, with the graphs it points into.
struct Planned {
  explicit Planned(const PlanOptions& options) : data(small_data(options.samples, 0).spec()) {
    const StepFunction step = [&](const Batch& b) {
      const Var logits = net(b["image"]);
      b.output("logits", logits);
      const Var loss = mean_cross_entropy(logits, b["label"]);
      if (!options.squared) return loss;
      const Var total = batch_sum(sum_per_sample(logits));
      return add(loss, mul(total, total));
    };
    Backend& cpu = Device::cpu().backend();
    training = make_training_graph(trace(net, step, data), NoUpdate(), cpu, options.fold, true);
    evaluation = make_evaluation_graph(trace_evaluation(net, step, data), cpu);
    request = {.training = &training,
               .evaluation = &evaluation,
               .data = &data,
               .batch = options.batch,
               .micro_batch = options.micro_batch,
               .evaluation_samples = options.evaluation_samples,
               .caps = {.bytes = options.workspace_cap_bytes},
               .crossing = options.crossing,
               .backend = &cpu};
    plan = make_run_plan(request);
  }
  Planned(const Planned&) = delete;
  const Plan& summary() const { return plan->summary; }

  SmallNet net;
  DataSpec data;
  StepGraph training, evaluation;
  RunPlanRequest request;
  std::unique_ptr<RunPlan> plan;
};

}  // namespace sluice::test
