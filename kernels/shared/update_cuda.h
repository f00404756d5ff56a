#pragma once

// Optimizer kernels: one pass over all parameters with their gradients and state; for .cu files.

#include <utility>
#include <vector>

#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/segments_cuda.h>
#include <sluice/kernels/shared/update_tensors.h>

namespace sluice::cuda {

template <class F, int width, int groups, std::size_t... g>
__device__ void update_elements(const F& f, Pack<float, width> (&x)[groups], std::index_sequence<g...>) {
  for (int k = 0; k < width; ++k) f(x[g].at[k]...);
}

/// update.step() is the function of one element, f(parameter, gradient, state...), made of this step's scalars, which
/// are in device memory.
template <int width, int groups, class Update>
__global__ void update_kernel(SegmentChunk<float, groups> chunk, Update update, bool clear_gradients) {
  const auto f = update.step();
  for_each_pack<width>(grid_thread(), grid_threads(), chunk, [&](int segment, std::int64_t first, int count) {
    Pack<float, width> x[groups] = {};
    for (int g = 0; g < groups; ++g) {
      const float* from = chunk.at[segment][g] + first;
      if (count == width)
        x[g] = load_pack<width>(from, 0);
      else
        for (int k = 0; k < count; ++k) x[g].at[k] = from[k];
    }
    update_elements(f, x, std::make_index_sequence<groups>{});
    if (clear_gradients) x[1] = {};
    for (int g = 0; g < groups; ++g) {
      if (g == 1 && !clear_gradients) continue;
      float* to = chunk.at[segment][g] + first;
      if (count == width)
        *reinterpret_cast<Pack<float, width>*>(to) = x[g];
      else
        for (int k = 0; k < count; ++k) to[k] = x[g].at[k];
    }
  });
}

/// Base of optimizer kernels, whose inputs are `groups` lists of equally many tensors and then scalars.
template <int groups>
class UpdateKernel : public Kernel {
 public:
  UpdateKernel(LoweringContext& context, int parameters, bool clear_gradients)
      : queue_(queue(context)),
        clear_gradients_(clear_gradients),
        counts_(share_update_layouts(context, groups, parameters)) {
    require_f32(context);
  }

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    chunks_ = SegmentChunks<float, groups>(update_segments<groups>(addresses, counts_));
  }

  std::string algorithm() const override { return "flat"; }

 protected:
  /// Where scalar `i` behind the lists is, as the host sets it for each step.
  const float* scalar(int i) const { return in<float>(groups * static_cast<int>(counts_.size()) + i); }

  template <class Update>
  void update(const Update& update) const {
    for (const SegmentChunk<float, groups>& chunk : chunks_)
      launch(queue_, chunk.packs(),
             chunks_.width() == wide ? update_kernel<wide, groups, Update> : update_kernel<1, groups, Update>, chunk,
             update, clear_gradients_);
  }

 private:
  Queue queue_;
  bool clear_gradients_;
  std::vector<std::int64_t> counts_;
  SegmentChunks<float, groups> chunks_;
};

}  // namespace sluice::cuda
