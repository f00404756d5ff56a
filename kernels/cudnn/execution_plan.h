#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <sluice/kernels/cudnn/engine.h>
#include <sluice/kernels/cudnn/graph.h>

namespace sluice::cudnn {

class Library;

/// An engine as a plan that runs on the library's device. It keeps what it refers to.
class ExecutionPlan {
 public:
  /// Throws BackendError when cuDNN refuses.
  ExecutionPlan(Library& library, const Convolution& convolution, const Engine& engine);

  const Descriptor& descriptor() const { return plan_; }
  std::size_t workspace_bytes() const;

  /// What a plan of `engine` for `graph` would need. Throws BackendError when cuDNN refuses.
  static std::size_t workspace_bytes(Library& library, const OperationGraph& graph, const Engine& engine);

 private:
  ExecutionPlan(Library& library, const OperationGraph& graph, const Engine& engine);
  void finalize(Library& library, const OperationGraph& graph, const Engine& engine);

  std::vector<OperationGraph> graph_;  // at most one: its own
  std::vector<Descriptor> parts_;
  Descriptor plan_;
};

/// The plan of an engine for a convolution, for running. Equal ones of one device are one while somebody has it. Throws
/// BackendError when cuDNN refuses, or when it wants more workspace than the engine says.
std::shared_ptr<const ExecutionPlan> execution_plan(Library& library, const Convolution& convolution,
                                                    const Engine& engine);

}  // namespace sluice::cudnn
