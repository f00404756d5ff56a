#include <sluice/kernels/cuda/cuda_backend.h>

#include <algorithm>
#include <cstdio>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/check.h>
#include <sluice/kernels/cuda/recording.h>
#include <sluice/kernels/cuda/uploader.h>

namespace sluice {

void register_cuda_kernels(KernelTable& table);  // generated from kernels/CMakeLists.txt

namespace cuda {
namespace {

/// "13.0" for 13000.
std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

int driver_version() {  // 0: none is installed
  int number = 0;
  return cudaDriverGetVersion(&number) == cudaSuccess ? number : 0;
}

int runtime_version() {
  int number = 0;
  return cudaRuntimeGetVersion(&number) == cudaSuccess ? number : 0;
}

[[noreturn]] void refuse(const std::string& what, const char* call, cudaError_t status, const std::string& rule) {
  (void)cudaGetLastError();
  throw DeviceError("cuda: " + what + "; got '" + text(status) + "' from " + call + "; expected " + rule);
}

int count_devices() {
  int count = 0;  // the runtime does not write it when there is no driver
  const char* const call = "cudaGetDeviceCount";
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  // Without a driver the runtime says that it is insufficient, as it does of an old one.
  const int driver = driver_version();
  const std::string rule = "an NVIDIA GPU and a driver for CUDA " + version(runtime_version()) + " or later";
  if (status == cudaErrorInsufficientDriver && driver != 0)
    refuse("the NVIDIA driver, for CUDA " + version(driver) + ", is too old", call, status, rule);
  if (driver == 0) refuse("no NVIDIA driver is installed", call, status, rule);
  refuse("there is no device that can be used", call, status == cudaSuccess ? cudaErrorNoDevice : status, rule);
}

/// Makes the device the current one. Throws DeviceError when it is not there, or not for this module.
DeviceProperties open_device(int index) {
  const int count = count_devices();
  if (index < 0 || index >= count)
    throw DeviceError("cuda: there is no such device; got index " + std::to_string(index) + "; expected one below " +
                      std::to_string(count) + ", the number of CUDA devices here");
  const std::string which = "device " + std::to_string(index);
  if (const cudaError_t status = cudaSetDevice(index); status != cudaSuccess)
    refuse(which + " cannot be used", "cudaSetDevice", status, "success");
  DeviceProperties device = device_properties(index);
  if (device.device_version < least_device_version)
    throw DeviceError("cuda: " + which + " is too old; got " + device.str() +
                      "; expected compute capability 7.5 or later");
  if (const cudaError_t status = probe_device_code(); status != cudaSuccess)
    refuse(
        which + " (" + device.name + ", compute capability " + device.capability() + ") cannot run this build's code",
        "cudaFuncGetAttributes", status,
        "one of the compute capabilities it was built for, " + built_for() + " (CMAKE_CUDA_ARCHITECTURES)");
  return device;
}

Queue queue_of(const DeviceProperties& device, int index) {
  return {.device = index,
          .resident_threads = static_cast<int>(device.multiprocessors * device.threads_per_multiprocessor)};
}

}  // namespace

const Queue& queue(const LoweringContext& context) { return backend(context).queue(); }

CudaBackend::CudaBackend(int index) : device_(open_device(index)), queue_(queue_of(device_, index)) {
  register_cuda_kernels(kernels_);
  check(cudaStreamCreateWithFlags(&queue_.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  is_here_ = true;
}

CudaBackend::CudaBackend(const DeviceProperties& planned) : device_(planned), queue_(queue_of(planned, 0)) {
  register_cuda_kernels(kernels_);
}

CudaBackend::~CudaBackend() {
  if (is_here()) (void)cudaStreamDestroy(queue_.stream);
}

std::string CudaBackend::description() const {
  const std::string how = is_here() ? "CUDA " + version(runtime_version()) + " on a driver for " +
                                          version(static_cast<int>(device_.driver_version))
                                    : "planned for, not here";
  return Device::cuda(queue_.device).str() + ": " + device_.str() + ", " + std::string(name(precision())) + ", " + how;
}

// The index is left out: equal devices get equal plans.
std::string CudaBackend::fingerprint() const {
  return "cuda, " + device_.json() + ", memory bus " + std::to_string(device_.memory_bus_bits) + ", " +
         std::string(name(precision()));
}

Precision CudaBackend::resolved(Precision precision) const {
  if (precision == Precision::tf32 && !device_.has_tf32())
    throw DeviceError("precision: this GPU has no tf32; got tf32 for " + device_.str() +
                      "; expected fp32 or strict, or compute capability 8.0 or later");
  const Precision best = device_.has_tf32() ? Precision::tf32 : Precision::fp32;
  return precision == Precision::automatic ? best : precision;
}

void CudaBackend::select() const {
  if (!is_here())
    throw DeviceError("cuda: this GPU is planned for, but not here; got a use of " + device_.str() +
                      "; expected planning alone");
  check(cudaSetDevice(queue_.device), "cudaSetDevice");
}

void CudaBackend::copy_in(void* device, const void* host, std::size_t bytes) {
  select();
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, queue_.stream), "cudaMemcpyAsync to the device");
  synchronize();  // the caller may reuse `host` at once, pinned or not
}

void CudaBackend::copy_out(void* host, const void* device, std::size_t bytes) {
  select();
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, queue_.stream), "cudaMemcpyAsync to the host");
  synchronize();
}

void CudaBackend::copy(void* to, const void* from, std::size_t bytes) {
  select();
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, queue_.stream), "cudaMemcpyAsync on the device");
}

void CudaBackend::fill(void* device, unsigned char byte, std::size_t bytes) {
  select();
  check(cudaMemsetAsync(device, byte, bytes, queue_.stream), "cudaMemsetAsync");
}

void CudaBackend::synchronize() {
  select();
  check(cudaStreamSynchronize(queue_.stream), "cudaStreamSynchronize");
}

std::unique_ptr<Recording> CudaBackend::record(const std::function<void()>& enqueue) {
  return record_graph(queue_, enqueue);
}

std::unique_ptr<Uploader> CudaBackend::make_uploader(std::size_t slot_bytes) {
  return make_stream_uploader(queue_, slot_bytes);
}

std::optional<DeviceMemory> CudaBackend::memory() const {
  if (!is_here()) {  // nobody uses it
    const auto total = static_cast<std::size_t>(device_.memory_bytes);
    return DeviceMemory{.free = total, .total = total};
  }
  select();
  DeviceMemory memory;
  check(cudaMemGetInfo(&memory.free, &memory.total), "cudaMemGetInfo");
  return memory;
}

void CudaBackend::warm_up() {
  if (!is_here()) return;
  for (void (*load)(CudaBackend&) : warm_ups_) load(*this);
  synchronize();
}

// cudaMalloc aligns to 256 bytes at least (CUDA C++ Programming Guide, "Device memory accesses").
void* CudaBackend::do_allocate(std::size_t bytes) {
  select();
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, std::max<std::size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    std::size_t free = 0, total = 0;
    (void)cudaMemGetInfo(&free, &total);
    throw OutOfMemory("cuda: cudaMalloc failed; got a request of " + std::to_string(bytes) +
                      " bytes; expected at most the " + std::to_string(free) + " free ones of " +
                      std::to_string(total));
  }
  check(status, "cudaMalloc");
  return data;
}

void CudaBackend::do_free(void* data, std::size_t) noexcept {
  cudaError_t status = cudaSetDevice(queue_.device);
  if (status == cudaSuccess) status = cudaStreamSynchronize(queue_.stream);  // kernels under way may use it
  if (status == cudaSuccess) status = cudaFree(data);
  if (status == cudaSuccess || status == cudaErrorCudartUnloading) return;  // at process end the driver takes it back
  std::fprintf(stderr, "sluice: cuda: cudaFree failed: %s\n", cudaGetErrorString(status));
}

}  // namespace cuda
}  // namespace sluice
