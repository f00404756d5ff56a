#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <sluice/core/kernel.h>
#include <sluice/kernels/cudnn/convolution.h>

namespace sluice::cudnn {

/// Addresses of a convolution's tensors.
struct ConvolutionOperands {
  void *x = nullptr, *w = nullptr, *y = nullptr;
  const void* bias = nullptr;
  void* workspace = nullptr;
  friend bool operator==(const ConvolutionOperands&, const ConvolutionOperands&) = default;
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
  /// Makes what running needs and planning does not (on a device only); once, before the first run. With a relu it runs
  /// the plan to see whether a NaN passes, and does the relu in a pass of its own where it does not: then y and the
  /// workspace are written, and the bias is as before.
  virtual void prepare(const ConvolutionOperands& operands) = 0;
  /// Forward: reads x, w (and bias), writes y. Backward data: reads y and w, writes x. Backward filter: reads x and y,
  /// writes (does not add to) w.
  virtual void run(const ConvolutionOperands& operands) = 0;
};

/// The first configuration cuDNN's heuristics offer for `convolution` on the context's device, at its precision,
/// deterministic, within the context's workspace cap (or the one with the least workspace); where measured times
/// choose, one of the first eight or of those that need less workspace. For a convolution with a relu only those that
/// do it in the same pass, and null when there is none. Throws BackendError naming op, shape, dtype and what was tried
/// when one without a relu has no plan.
std::shared_ptr<ConvolutionPlan> plan(const LoweringContext& context, const Convolution& convolution);

}  // namespace sluice::cudnn
