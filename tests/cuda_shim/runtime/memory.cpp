// Memory of the device and pinned memory: both are the host's, known by their addresses.

#include <cstdlib>
#include <cstring>
#include <map>

#include "device.h"
#include "stream.h"

using namespace cuda_shim;
using Lock = std::lock_guard<std::recursive_mutex>;

namespace {

/// Ranges by their first byte.
class Ranges {
 public:
  void add(void* data, std::size_t bytes) {
    ranges_[static_cast<char*>(data)] = bytes;
    total_ += bytes;
  }
  bool remove(void* data) {
    const auto found = ranges_.find(static_cast<char*>(data));
    if (found == ranges_.end()) return false;
    total_ -= found->second;
    ranges_.erase(found);
    return true;
  }
  bool holds(const void* data, std::size_t bytes) const {
    auto found = ranges_.upper_bound(static_cast<const char*>(data));
    if (found == ranges_.begin()) return false;
    --found;
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(data) - found->first);
    return offset <= found->second && bytes <= found->second - offset;
  }
  std::size_t total() const { return total_; }

 private:
  std::map<const char*, std::size_t> ranges_;
  std::size_t total_ = 0;
};

struct Memory {
  Ranges device, pinned;
};

Memory& memory() {
  static auto* const memory = new Memory;
  return *memory;
}

cudaError_t allocate(Ranges& ranges, void** data, std::size_t bytes, std::size_t limit) {
  const Lock lock(runtime().mutex);
  *data = nullptr;
  if (const cudaError_t error = refuse_in_capture()) return error;
  constexpr std::size_t alignment = 256;  // what CUDA promises
  if (bytes > limit || posix_memalign(data, alignment, bytes == 0 ? 1 : bytes) != 0)
    return result(cudaErrorMemoryAllocation);
  std::memset(*data, 0xFF, bytes);  // NaN
  ranges.add(*data, bytes);
  return cudaSuccess;
}

/// Waits for all work, as CUDA does.
cudaError_t release(Ranges& ranges, void* data) {
  const Lock lock(runtime().mutex);
  if (!data) return cudaSuccess;
  if (const cudaError_t error = refuse_in_capture()) return error;
  finish(cudaStream_t{});
  if (!ranges.remove(data)) return result(cudaErrorInvalidValue);
  std::free(data);
  return failure_of_kernels();
}

bool is_device_memory(cudaMemcpyKind kind, bool to) {
  return kind == cudaMemcpyDeviceToDevice || kind == (to ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost);
}

}  // namespace

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  const Lock lock(runtime().mutex);
  return allocate(memory().device, data, bytes, device_memory_bytes - memory().device.total());
}

cudaError_t cudaFree(void* data) { return release(memory().device, data); }

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  return allocate(memory().pinned, data, bytes, device_memory_bytes);
}

cudaError_t cudaMallocHost(void** data, std::size_t bytes, unsigned flags) { return cudaHostAlloc(data, bytes, flags); }

cudaError_t cudaFreeHost(void* data) { return release(memory().pinned, data); }

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const Lock lock(runtime().mutex);
  *total = device_memory_bytes;
  *free = device_memory_bytes - memory().device.total();
  return cudaSuccess;
}

// Of pageable memory the runtime takes a copy before it returns, and it waits before it writes any (CUDA Runtime API,
// "API synchronization behavior"); neither is possible in a capture. Pinned memory is read and written when the stream
// gets there.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (kind == cudaMemcpyDefault || kind == cudaMemcpyHostToHost) return result(cudaErrorNotSupported);
  const bool to_device = is_device_memory(kind, true), from_device = is_device_memory(kind, false);
  if ((to_device && !memory().device.holds(to, bytes)) || (from_device && !memory().device.holds(from, bytes)))
    return result(cudaErrorInvalidValue);
  const bool pageable = !(to_device && from_device) && !memory().pinned.holds(to_device ? from : to, bytes);
  if (pageable)
    if (const cudaError_t error = refuse_in_capture()) return error;
  if (pageable && to_device) {
    const auto* const begin = static_cast<const char*>(from);
    return enqueue(stream, [to, taken = std::vector<char>(begin, begin + bytes)] {
      if (!taken.empty()) std::memcpy(to, taken.data(), taken.size());
    });
  }
  const cudaError_t error = enqueue(stream, [=] { std::memcpy(to, from, bytes); });
  return error == cudaSuccess && pageable ? cudaStreamSynchronize(stream) : error;
}

cudaError_t cudaMemsetAsync(void* data, int byte, std::size_t bytes, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!memory().device.holds(data, bytes)) return result(cudaErrorInvalidValue);
  return enqueue(stream, [=] { std::memset(data, byte, bytes); });
}
