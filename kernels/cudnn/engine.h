#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/kernels/cudnn/graph.h>

namespace sluice::cudnn {

class Library;

/// One of cuDNN's ways to compute a graph, complete: the same engine with the same knobs is the same plan again.
struct Engine {
  std::int64_t index = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> knobs;  ///< type, value
  std::size_t workspace_bytes = 0;
  std::int64_t rank = 0;  ///< among what the heuristics offer that may be taken; 0 is the fastest
  bool fused = false;     ///< bias and relu in the same pass

  /// "engine 67 (2:1 13:0)".
  std::string str() const;
  friend bool operator==(const Engine&, const Engine&) = default;
};

/// The engine as a plan that runs on the library's device. It keeps what it refers to.
class ExecutionPlan {
 public:
  /// Throws BackendError when cuDNN refuses.
  ExecutionPlan(Library& library, const Convolution& convolution, const Engine& engine);

  const Descriptor& descriptor() const { return plan_; }
  std::size_t workspace_bytes() const;

 private:
  friend class EngineSearch;
  ExecutionPlan(Library& library, const OperationGraph& graph, const Engine& engine);
  void finalize(Library& library, const OperationGraph& graph, const Engine& engine);

  std::vector<OperationGraph> graph_;  // at most one: its own
  std::vector<Descriptor> parts_;
  Descriptor plan_;
};

/// Which of the configurations that may be taken find_engines() is to find.
enum class Wanted : std::uint8_t {
  first_within_any_cap,  ///< those that need less workspace than all before them
  worth_timing,          ///< and the first few whatever they need
};

/// What cuDNN's heuristics offer for the convolution, in their order, as far as it is deterministic and of the
/// precision. Throws BackendError naming op, shape, dtype and what was tried when there is none; for a convolution with
/// a relu that is no error, because only those that do it all in one pass are looked for.
std::vector<Engine> find_engines(Library& library, std::string_view op, const Convolution& convolution, Wanted wanted);

}  // namespace sluice::cudnn
