#include <vector>

#include <sluice/kernels/cuda/block_reduce.h>
#include <sluice/kernels/cuda/grid.h>
#include <sluice/kernels/cuda/launch.h>
#include <sluice/kernels/finite_check/finite_check_functors.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/segments_cuda.h>

namespace sluice {
namespace {

constexpr int blocks = 1024;  // of a launch; one block adds up their counts, a thread each

/// Each block adds its count to its own partial sum, or begins it.
template <int width, class T>
__global__ void count_kernel(cuda::SegmentChunk<const T, 1> values, bool begins, std::int32_t* partial) {
  std::int32_t bad = 0;
  const auto count_pack = [&](int segment, std::int64_t first, int count) {
    const T* x = values.at[segment][0] + first;
    if constexpr (sizeof(T) == sizeof(float)) {
      if (count == width) {
        const cuda::Pack<T, width> pack = cuda::load_pack<width>(x, 0);
        for (int k = 0; k < width; ++k) bad += NotFiniteFunctor{}(pack.at[k]);
        return;
      }
    }
    for (int k = 0; k < count; ++k) bad += NotFiniteFunctor{}(x[k]);
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
  /// An input in whatever layout, with its padding.
  struct Elements {
    std::int64_t count;
    bool is_double;
  };

  FiniteCheckKernel(const cuda::Queue& queue, std::vector<Elements> inputs)
      : queue_(queue),
        inputs_(std::move(inputs)) {}

  std::size_t workspace_bytes() const override { return blocks * sizeof(std::int32_t); }

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    Segments<const float, 1> floats;
    Segments<const double, 1> doubles;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].is_double)
        doubles.add({static_cast<const double*>(addresses.inputs[i])}, inputs_[i].count);
      else
        floats.add({static_cast<const float*>(addresses.inputs[i])}, inputs_[i].count);
    floats_ = cuda::SegmentChunks<const float, 1>(floats);
    doubles_ = cuda::SegmentChunks<const double, 1>(doubles);
  }

  void run(const RunContext&) override {
    auto* partial = workspace<std::int32_t>();
    bool begins = true;
    const auto count = [&](auto kernel, const auto& chunk) {
      cuda::launch_blocks(queue_, blocks, cuda::block_threads, kernel, chunk, begins, partial);
      begins = false;
    };
    for (const auto& chunk : floats_)
      count(floats_.width() == cuda::wide ? count_kernel<cuda::wide, float> : count_kernel<1, float>, chunk);
    for (const auto& chunk : doubles_)
      count(doubles_.width() == cuda::wide ? count_kernel<cuda::wide, double> : count_kernel<1, double>, chunk);
    cuda::launch_blocks(queue_, 1, blocks, total_kernel, static_cast<const std::int32_t*>(partial),
                        out<std::int32_t>(0));
  }

 private:
  cuda::Queue queue_;
  std::vector<Elements> inputs_;
  cuda::SegmentChunks<const float, 1> floats_;
  cuda::SegmentChunks<const double, 1> doubles_;
};

std::unique_ptr<Kernel> lower_finite_check(LoweringContext& context) {
  std::vector<FiniteCheckKernel::Elements> inputs;
  for (int i = 0; i < context.inputs(); ++i) {
    context.require(i, context.input(i).layout);
    inputs.push_back({context.input(i).padded_elements(), context.input(i).dtype == DType::f64});
  }
  return std::make_unique<FiniteCheckKernel>(cuda::queue(context), std::move(inputs));
}

}  // namespace

void register_finite_check_cuda(KernelTable& table) { table.add("finite_check", lower_finite_check, {DType::f64}); }

}  // namespace sluice
