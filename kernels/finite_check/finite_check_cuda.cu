#include <vector>

#include <sluice/kernels/cuda/block_reduce.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/cuda/segments.h>
#include <sluice/kernels/finite_check/finite_check_functors.h>
#include <sluice/kernels/lowering.h>

namespace sluice {
namespace {

constexpr int blocks = 1024;  // of a launch; one block adds up their counts, a thread each

/// Each block adds its count to its own partial sum, or begins it.
template <int width>
__global__ void count_kernel(cuda::SegmentChunk<const float, 1> values, bool begins, std::int32_t* partial) {
  std::int32_t bad = 0;
  const auto count_pack = [&](int segment, std::int64_t first, int count) {
    const float* x = values.at[segment][0] + first;
    if (count == width) {
      const cuda::Pack<float, width> pack = cuda::load_pack<width>(x, 0);
      for (int k = 0; k < width; ++k) bad += NotFiniteFunctor{}(pack.at[k]);
    } else {
      for (int k = 0; k < count; ++k) bad += NotFiniteFunctor{}(x[k]);
    }
  };
  cuda::for_each_pack<width>(cuda::grid_thread(), cuda::grid_threads(), values, count_pack);
  bad = cuda::block_sum(bad);
  if (threadIdx.x == 0) partial[blockIdx.x] = bad + (begins ? 0 : partial[blockIdx.x]);
}

__global__ void total_kernel(const std::int32_t* partial, std::int32_t* total) {
  const std::int32_t bad = cuda::block_sum(partial[threadIdx.x]);
  if (threadIdx.x == 0) *total = bad;
}

/// Counts over every input, in whatever layout: padding is finite.
class FiniteCheckKernel final : public Kernel {
 public:
  FiniteCheckKernel(const cuda::Queue& queue, std::vector<std::int64_t> counts)
      : queue_(queue),
        counts_(std::move(counts)) {}

  std::size_t workspace_bytes() const override { return blocks * sizeof(std::int32_t); }

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    Segments<const float, 1> values;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      values.add({static_cast<const float*>(addresses.inputs[i])}, counts_[i]);
    values_ = cuda::SegmentChunks<const float, 1>(values);
  }

  void run(const RunContext&) override {
    auto* partial = workspace<std::int32_t>();
    bool begins = true;
    for (const cuda::SegmentChunk<const float, 1>& chunk : values_) {
      cuda::launch_blocks(queue_, blocks, cuda::block_threads,
                          values_.width() == cuda::wide ? count_kernel<cuda::wide> : count_kernel<1>, chunk, begins,
                          partial);
      begins = false;
    }
    cuda::launch_blocks(queue_, 1, blocks, total_kernel, static_cast<const std::int32_t*>(partial),
                        out<std::int32_t>(0));
  }

 private:
  cuda::Queue queue_;
  std::vector<std::int64_t> counts_;
  cuda::SegmentChunks<const float, 1> values_;
};

std::unique_ptr<Kernel> lower_finite_check(LoweringContext& context) {
  require_f32(context);
  std::vector<std::int64_t> counts;
  for (int i = 0; i < context.inputs(); ++i) {
    context.require(i, context.input(i).layout);
    counts.push_back(context.input(i).padded_elements());
  }
  return std::make_unique<FiniteCheckKernel>(cuda::queue(context), std::move(counts));
}

}  // namespace

void register_finite_check_cuda(KernelTable& table) { table.add("finite_check", lower_finite_check); }

}  // namespace sluice
