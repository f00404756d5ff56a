#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <sluice/kernels/cudnn/engine.h>
#include <sluice/kernels/cudnn/graph.h>

namespace sluice::cudnn {

class Library;

/// An engine as a plan that runs on the library's device. Owns the descriptors to which it refers.
class ExecutionPlan {
 public:
  /// Throws BackendError when cuDNN refuses.
  ExecutionPlan(Library& library, const Convolution& convolution, const Engine& engine);

  const Descriptor& descriptor() const { return plan_; }
  std::size_t workspace_bytes() const;

  /// Returns the workspace that a plan of `engine` for `graph` needs. Throws BackendError if cuDNN refuses.
  static std::size_t workspace_bytes(Library& library, const OperationGraph& graph, const Engine& engine);

 private:
  ExecutionPlan(Library& library, const OperationGraph& graph, const Engine& engine);
  void finalize(Library& library, const OperationGraph& graph, const Engine& engine);

  std::vector<OperationGraph> graph_;  // at most one: its own
  std::vector<Descriptor> parts_;
  Descriptor plan_;
};

/// Returns the execution plan of an engine for a convolution. Equal plans of one device are shared while they are in
/// use. Throws BackendError if cuDNN refuses, or if it needs more workspace than the engine says.
std::shared_ptr<const ExecutionPlan> execution_plan(Library& library, const Convolution& convolution,
                                                    const Engine& engine);

}  // namespace sluice::cudnn
