#include <sluice/kernels/cuda/check.h>
#include <sluice/kernels/cuda/device_properties.h>

namespace sluice::cuda {
namespace {

std::int64_t attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
  return value;
}

std::int64_t signed_size(std::size_t bytes) { return static_cast<std::int64_t>(bytes); }

}  // namespace

DeviceProperties device_properties(int index) {
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, index), "cudaGetDeviceProperties");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  return {.name = device.name,
          .device_version = 100 * device.major + 10 * device.minor,
          .driver_version = driver,
          .multiprocessors = device.multiProcessorCount,
          .threads_per_multiprocessor = device.maxThreadsPerMultiProcessor,
          .blocks_per_multiprocessor = device.maxBlocksPerMultiProcessor,
          .warp_size = device.warpSize,
          .threads_per_block = device.maxThreadsPerBlock,
          .grid_size = {device.maxGridSize[0], device.maxGridSize[1], device.maxGridSize[2]},
          .block_size = {device.maxThreadsDim[0], device.maxThreadsDim[1], device.maxThreadsDim[2]},
          .registers_per_block = device.regsPerBlock,
          .registers_per_multiprocessor = device.regsPerMultiprocessor,
          .shared_bytes_per_block = signed_size(device.sharedMemPerBlock),
          .shared_bytes_per_block_optin = signed_size(device.sharedMemPerBlockOptin),
          .shared_bytes_reserved = signed_size(device.reservedSharedMemPerBlock),
          .memory_bytes = signed_size(device.totalGlobalMem),
          .l2_bytes = device.l2CacheSize,
          .clock_khz = attribute(cudaDevAttrClockRate, index),
          .memory_clock_khz = attribute(cudaDevAttrMemoryClockRate, index),
          .memory_bus_bits = device.memoryBusWidth,
          .cooperative_launch = device.cooperativeLaunch,
          .tcc_driver = device.tccDriver};
}

}  // namespace sluice::cuda
