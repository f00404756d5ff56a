#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <sluice/core/device.h>

namespace sluice::cuda {

/// What plans depend on of a GPU. The names in files are those of cuDNN's device descriptors (gpus/README.md).
struct DeviceProperties {
  std::string name;
  std::int64_t device_version = 0;  ///< compute capability · 100: 900 for 9.0
  std::int64_t driver_version = 0;  ///< the CUDA that the driver is for · 1000: 13000 for 13.0
  std::int64_t multiprocessors = 0, threads_per_multiprocessor = 0, blocks_per_multiprocessor = 0;
  std::int64_t warp_size = 0, threads_per_block = 0;
  std::array<std::int64_t, 3> grid_size = {}, block_size = {};  ///< at most
  std::int64_t registers_per_block = 0, registers_per_multiprocessor = 0;
  std::int64_t shared_bytes_per_block = 0, shared_bytes_per_block_optin = 0, shared_bytes_reserved = 0;
  std::int64_t memory_bytes = 0, l2_bytes = 0;
  std::int64_t clock_khz = 0, memory_clock_khz = 0;
  std::int64_t memory_bus_bits = 0;  ///< 0: not reported
  std::int64_t cooperative_launch = 0, tcc_driver = 0;

  /// "9.0".
  std::string capability() const;
  bool has_tf32() const { return device_version >= 800; }
  /// One line for people: "NVIDIA H200, compute capability 9.0, 132 multiprocessors, 143051 MiB".
  std::string str() const;
  /// As cuDNN reads it, and equal for equal devices.
  std::string json() const;
};

/// Compute capability 7.5: the least that this CUDA and cuDNN know.
inline constexpr std::int64_t least_device_version = 750;

/// Throws DeviceError naming file, property, value and what would be right.
DeviceProperties read_device_properties(const std::string& file);

/// Of a device that is here.
DeviceProperties device_properties(int index);

DeviceRates rates(const DeviceProperties& device, Precision precision);

}  // namespace sluice::cuda
