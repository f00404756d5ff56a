#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include <sluice/core/device.h>

namespace sluice {

/// Bytes asked of a device and not given back, and their highest sum. Buffers may be given back on any thread.
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

/// What a run has of a device for itself, beside the memory, copies and kernels that all runs of the device share: the
/// precision of its contractions, and the count of what it asked for. A thread that plans or runs is in the run
/// (Scope); runs on different threads know nothing of one another.
class DeviceRun {
 public:
  /// Throws DeviceError for a precision that the device does not have.
  explicit DeviceRun(Backend& backend, Precision precision = Precision::automatic)
      : backend_(backend),
        precision_(backend.resolved(precision)) {}

  Backend& backend() const { return backend_; }
  Precision precision() const { return precision_; }  ///< never automatic
  MemoryCount& memory() const { return *memory_; }

  /// The calling thread is in the run while it lives.
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

/// While it lives, whatever the calling thread allocates of the device is refused with OutOfMemory, which names the
/// running kernel: between plan and end of a run nothing unplanned may be taken.
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
