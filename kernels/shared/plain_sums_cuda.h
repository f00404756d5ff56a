#pragma once

// What goes into cuda::ChannelSums where the elements themselves are summed; for .cu files.

#include <sluice/kernels/shared/channel_sums_cuda.h>

namespace sluice::cuda {

/// The elements of one activation.
struct ElementTerms {
  static constexpr int rows = 1;
  struct Channel {};

  __device__ Channel channel(std::int64_t) const { return {}; }
  __device__ void operator()(const Channel&, FloatPair (&sums)[rows], float x) const { sums[0].add(x); }
};

/// y[c] = the sum of channel c, or is increased by it.
struct StoreSums {
  float* y;
  bool accumulate;

  __device__ void operator()(std::int64_t c, const double (&sums)[1]) const {
    y[c] = (accumulate ? y[c] : 0.0f) + static_cast<float>(sums[0]);
  }
};

/// y[c] += (or =) Σ x over the samples and positions of channel c.
class ElementSumsKernel final : public Kernel {
 public:
  ElementSumsKernel(const Queue& queue, const ChannelView& view, bool accumulate)
      : sums_(queue, view),
        accumulate_(accumulate) {}

  std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }

  void run(const RunContext&) override {
    sums_.run(workspace<double>(), ElementTerms{}, StoreSums{out<float>(0), accumulate_}, in<float>(0));
  }

 private:
  ChannelSums<1> sums_;
  bool accumulate_;
};

}  // namespace sluice::cuda
