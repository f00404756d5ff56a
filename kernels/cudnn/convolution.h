#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/size2d.h>

namespace sluice::cudnn {

enum class Direction : std::uint8_t { forward, backward_data, backward_filter };

/// One direction of a convolution, f32. x: [n,c,h,w] as NHWC; w: [k,c/groups,kernel] as KRSC (channels last); y:
/// [n,k,out] as NHWC.
struct Convolution {
  Direction direction = Direction::forward;
  std::int64_t n = 0, c = 0, k = 0, groups = 1;
  Size2d in = 1, kernel = 1, out = 1;
  Size2d stride = 1, padding = 0, dilation = 1;
  bool bias = false;  ///< forward: y += bias[k]
  bool relu = false;  ///< forward, behind the bias: y = max(y, 0), NaN stays NaN

  std::string str() const;
};

/// A finalised plan: an engine with its workspace, for one shape on one kind of device.
class ConvolutionPlan {
 public:
  virtual ~ConvolutionPlan() = default;
  virtual std::size_t workspace_bytes() const = 0;
  /// The engine, for listings and hashes.
  virtual std::string algorithm() const = 0;
  /// As Kernel::work: what engines that the heuristics put behind others are taken to cost beside them.
  virtual double work() const { return 1; }
  /// Makes what running needs and planning does not (on a device only); once, before the first run.
  virtual void prepare() = 0;
  /// Forward: reads x, w (and bias), writes y. Backward data: reads y and w, writes x. Backward filter: reads x and y,
  /// writes (does not add to) w.
  virtual void run(void* x, void* w, void* y, const void* bias, void* workspace) = 0;
};

/// The first configuration cuDNN's heuristics offer for `convolution` on the context's device, at its precision,
/// deterministic, within the context's workspace cap (or the one with the least workspace); where algorithms are chosen
/// by measured times, one of the first few. Null when there is none that does the convolution's relu in the same pass.
/// Throws BackendError naming op, shape, dtype and what was tried when there is none without one.
std::shared_ptr<ConvolutionPlan> plan(const LoweringContext& context, const Convolution& convolution);

}  // namespace sluice::cudnn
