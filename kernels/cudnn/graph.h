#pragma once

#include <cstdint>
#include <vector>

#include <sluice/kernels/cudnn/convolution.h>
#include <sluice/kernels/cudnn/descriptor.h>

namespace sluice::cudnn {

/// The tensors of a convolution's graph, as variant packs name them.
namespace uid {
inline constexpr std::int64_t x = 1, w = 2, y = 3, bias = 4, product = 5, sum = 6;
}

/// What is to be computed, as cuDNN's graph of operations.
class OperationGraph {
 public:
  /// `fused`: with the convolution's bias and relu in the same pass. `handle`: of the device that is here; null where
  /// one is planned for.
  OperationGraph(const Convolution& convolution, bool fused, cudnnHandle_t handle);

  const Descriptor& descriptor() const { return graph_; }

 private:
  std::vector<Descriptor> parts_;
  Descriptor graph_;
};

}  // namespace sluice::cudnn
