#include <sluice/kernels/cudnn/execution_plan.h>

#include <map>
#include <string>

#include <sluice/core/error.h>
#include <sluice/kernels/cudnn/library.h>

namespace sluice::cudnn {
namespace {

/// The plans of a device that somebody has (CudaBackend::one).
struct PlansInUse {
  explicit PlansInUse(cuda::CudaBackend&) {}

  std::map<std::string, std::weak_ptr<const ExecutionPlan>> by_text;
};

}  // namespace

ExecutionPlan::ExecutionPlan(Library& library, const Convolution& convolution, const Engine& engine)
    : plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
  graph_.emplace_back(convolution, engine.fused, library.handle_if_here());
  finalize(library, graph_.front(), engine);
}

ExecutionPlan::ExecutionPlan(Library& library, const OperationGraph& graph, const Engine& engine)
    : plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
  finalize(library, graph, engine);
}

void ExecutionPlan::finalize(Library& library, const OperationGraph& graph, const Engine& engine) {
  parts_.reserve(engine.knobs.size() + 2);  // they are referred to
  for (const auto& [type, value] : engine.knobs) {
    Descriptor& knob = parts_.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, static_cast<cudnnBackendKnobType_t>(type));
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value);
    knob.finalize();
  }
  const std::size_t knobs = parts_.size();
  Descriptor& which = parts_.emplace_back(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  which.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph.descriptor());
  which.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, engine.index);
  library.set_device(which, attribute::engine_device);
  which.finalize();
  Descriptor& configuration = parts_.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  configuration.set(CUDNN_ATTR_ENGINECFG_ENGINE, which);
  if (knobs) configuration.set_all(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, std::span(parts_).first(knobs));
  configuration.finalize();
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  library.set_plan_device(plan_);
  plan_.finalize();
}

std::size_t ExecutionPlan::workspace_bytes() const {
  return static_cast<std::size_t>(plan_.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
}

std::size_t ExecutionPlan::workspace_bytes(Library& library, const OperationGraph& graph, const Engine& engine) {
  return ExecutionPlan(library, graph, engine).workspace_bytes();
}

std::shared_ptr<const ExecutionPlan> execution_plan(Library& library, const Convolution& convolution,
                                                    const Engine& engine) {
  library.backend().select();
  auto& plans = library.backend().one<PlansInUse>().by_text;
  auto& known = plans[convolution.str() + ", " + engine.str() + (engine.fused ? ", fused" : "")];
  if (auto plan = known.lock()) return plan;
  auto plan = std::make_shared<const ExecutionPlan>(library, convolution, engine);
  if (plan->workspace_bytes() > engine.workspace_bytes)
    throw BackendError("cuDNN: " + engine.str() + " wants more workspace than was planned; got " +
                       std::to_string(plan->workspace_bytes()) + " bytes for " + convolution.str() + "; expected " +
                       std::to_string(engine.workspace_bytes) + ", as in the cache of plans, which may be deleted");
  known = plan;
  return plan;
}

}  // namespace sluice::cudnn
