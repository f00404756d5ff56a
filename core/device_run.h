#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include <sluice/core/device.h>

namespace sluice {

/// Counts the bytes that are allocated on a device, and their peak. Buffers may be freed on any thread.
class MemoryCount {
 public:
  void add(std::size_t bytes) noexcept;
  void subtract(std::size_t bytes) noexcept { bytes_ -= bytes; }
  std::size_t bytes() const { return bytes_; }
  std::size_t peak_bytes() const { return peak_; }
  void reset_peak() { peak_ = bytes_.load(); }

 private:
  std::atomic<std::size_t> bytes_ = 0, peak_ = 0;
};

/// The settings of one run on a device: the precision of its contractions, and the count of its memory. Memory, copies
/// and kernels are shared by all runs of the device. A thread that plans or runs must be in a Scope of the run. Runs on
/// different threads are independent.
class DeviceRun {
 public:
  /// Throws DeviceError for a precision that the device does not have.
  explicit DeviceRun(Backend& backend, Precision precision = Precision::automatic)
      : backend_(backend),
        precision_(backend.resolved(precision)) {}

  Backend& backend() const { return backend_; }
  Precision precision() const { return precision_; }  ///< never automatic
  MemoryCount& memory() const { return *memory_; }

  /// Puts the calling thread into the run during its lifetime.
  class Scope {
   public:
    explicit Scope(const DeviceRun& run);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class Backend;
    const DeviceRun& run_;
    const Scope* const outside_;
  };

 private:
  friend class Backend;

  Backend& backend_;
  Precision precision_;
  std::shared_ptr<MemoryCount> memory_ = std::make_shared<MemoryCount>();
};

/// Forbids allocations: during its lifetime every allocation of the calling thread on the device throws OutOfMemory,
/// which names the running kernel. A run is sealed because its plan contains all memory.
class AllocationSeal {
 public:
  explicit AllocationSeal(const Backend& backend);
  ~AllocationSeal();
  AllocationSeal(const AllocationSeal&) = delete;
  AllocationSeal& operator=(const AllocationSeal&) = delete;

 private:
  friend class Backend;
  const Backend& backend_;
  const AllocationSeal* const outside_;
};

}  // namespace sluice
