#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cuda/launch.h>

namespace sluice::cuda {
namespace {

__global__ void set_kernel(RunCounters* counters, RunCounters value) { *counters = value; }

__global__ void advance_kernel(RunCounters* counters, std::int64_t samples) {
  counters->replay += 1;
  counters->first_sample += samples;
}

/// Copies `bytes` from `from` + `from_stride` · replay to `to` + `to_stride` · replay, four at a time; both are aligned
/// to more.
__global__ void copy_slot_kernel(const RunCounters* counters, std::int64_t bytes, const std::byte* from,
                                 std::int64_t from_stride, std::byte* to, std::int64_t to_stride) {
  const std::int64_t block = blockDim.x, threads = gridDim.x * block, thread = blockIdx.x * block + threadIdx.x;
  from += counters->replay * from_stride;
  to += counters->replay * to_stride;
  for (std::int64_t i = thread; i < bytes / 4; i += threads)
    reinterpret_cast<std::uint32_t*>(to)[i] = reinterpret_cast<const std::uint32_t*>(from)[i];
  for (std::int64_t i = bytes / 4 * 4 + thread; i < bytes; i += threads) to[i] = from[i];
}

}  // namespace

void CudaBackend::set_counters(RunCounters* counters, const RunContext& context) {
  const RunCounters value{context.seed, context.step, context.replay, context.first_sample};
  launch_blocks(queue_, 1, 1, set_kernel, counters, value);
}

void CudaBackend::advance_counters(RunCounters* counters, std::int64_t samples) {
  launch_blocks(queue_, 1, 1, advance_kernel, counters, samples);
}

void CudaBackend::store_in_slot(void* slots, const void* plain, std::size_t bytes, std::size_t stride,
                                const RunContext& context) {
  const auto count = static_cast<std::int64_t>(bytes);
  launch(queue_, count / 4, copy_slot_kernel, static_cast<const RunCounters*>(context.counters), count,
         static_cast<const std::byte*>(plain), std::int64_t{0}, static_cast<std::byte*>(slots),
         static_cast<std::int64_t>(stride));
}

void CudaBackend::load_from_slot(void* plain, const void* slots, std::size_t bytes, std::size_t stride,
                                 const RunContext& context) {
  const auto count = static_cast<std::int64_t>(bytes);
  launch(queue_, count / 4, copy_slot_kernel, static_cast<const RunCounters*>(context.counters), count,
         static_cast<const std::byte*>(slots), static_cast<std::int64_t>(stride), static_cast<std::byte*>(plain),
         std::int64_t{0});
}

}  // namespace sluice::cuda
