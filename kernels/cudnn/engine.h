#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cudnn {

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

}  // namespace sluice::cudnn
