#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/kernel_table.h>

namespace sluice {

class Backend;
class DeviceRun;
class MemoryCount;
struct RunContext;
struct RunCounters;

/// A place to compute: a kind and, for several GPUs, an index.
class Device {
 public:
  enum class Kind { cpu, cuda, reference };

  static Device cpu() { return Device(Kind::cpu, 0); }
  static Device cuda(int index = 0) { return Device(Kind::cuda, index); }
  /// The oracle: naive loops in double. Present only where sluice::reference is linked.
  static Device reference() { return Device(Kind::reference, 0); }
  /// A CUDA device when there is one that works and has a kernel for every op of the CPU, else the CPU.
  static Device best();
  /// "cpu", "cuda", "cuda:1"; throws DeviceError for anything else.
  static Device parse(const std::string& text);

  Kind kind() const { return kind_; }
  int index() const { return index_; }
  std::string str() const;

  /// The code behind this device; opens the CUDA module on first use. Throws DeviceError saying why when it cannot.
  Backend& backend() const;

  friend bool operator==(const Device&, const Device&) = default;

 private:
  Device(Kind kind, int index) : kind_(kind), index_(index) {}

  Kind kind_;
  int index_;
};

/// Device memory, owned. Move-only; given back on destruction.
class Buffer {
 public:
  Buffer() = default;
  /// `count`: of the run that it belongs to; may be null.
  Buffer(Backend& backend, void* data, std::size_t bytes, std::shared_ptr<MemoryCount> count)
      : backend_(&backend),
        data_(data),
        bytes_(bytes),
        count_(std::move(count)) {}
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Buffer();

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t bytes() const { return bytes_; }

 private:
  Backend* backend_ = nullptr;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::shared_ptr<MemoryCount> count_;
};

/// The speed of a device, by which plans compare schedules. Only ratios matter.
struct DeviceRates {
  double flops_per_s = 1e11;
  double bytes_per_s = 1e10;
  double launch_s = 2e-6;           ///< time that every kernel takes in addition
  double cache_bytes = 0;           ///< operands of fewer bytes are read from caches
  double cache_bytes_per_s = 1e10;  ///< rate for operands in caches
};

/// The precision of multiplications in contractions (convolutions, matrix products); sums are f32. tf32: inputs rounded
/// to 10 bits of mantissa, on the tensor cores of devices that have it. automatic: tf32 there, fp32 elsewhere. strict:
/// fp32, and no algorithm whose transforms lose digits (Winograd, FFT).
enum class Precision : std::uint8_t { automatic, fp32, tf32, strict };
/// "fp32", "tf32", "strict", "automatic".
std::string_view name(Precision precision);

/// Kernels and copies that were recorded once and are replayed by one call (a CUDA graph).
class Recording {
 public:
  Recording() = default;
  virtual ~Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Enqueues them behind the kernels before.
  virtual void run() = 0;
};

/// Uploads data from the host while the device computes: two slots of host memory that the device can read (pinned),
/// and copies that run beside the kernels. For one thread.
class Uploader {
 public:
  Uploader() = default;
  virtual ~Uploader() = default;
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  virtual std::size_t slot_bytes() const = 0;
  /// Returns the memory of a slot, after waiting for the last copy from it.
  virtual std::byte* slot(int index) = 0;
  /// Declares that no kernel after those enqueued so far reads what was sent before.
  virtual void release() = 0;
  /// Copies `bytes` at `offset` of a slot to the device, after the kernels before the last release().
  virtual void send(int slot, std::size_t offset, void* to, std::size_t bytes) = 0;
  /// Makes kernels that are enqueued from now on wait for what was sent from the slot.
  virtual void arrive(int slot) = 0;
};

/// Memory of a whole device, shared by all programs that use it. Bytes.
struct DeviceMemory {
  std::size_t free = 0, total = 0;
};

/// The interface of a device: memory, copies and kernels. There is one object per device and process.
class Backend {
 public:
  virtual ~Backend();

  /// One line for people: "cpu: oneDNN 2.6.3, AVX-512, 2 threads".
  virtual std::string description() const = 0;
  /// Text of everything on which a plan may depend; part of the plan's hash.
  virtual std::string fingerprint() const = 0;
  /// The kernels that come with the device.
  virtual const KernelTable& kernels() const = 0;
  /// Adds the kernel of an op that is defined outside the library. `also`: dtypes that it supports besides those that
  /// all kernels of the device do (f64 for by-products, bit for masks). Throws BackendError if the type has a kernel.
  void add_kernel(std::string_view op_type, KernelFactory factory, std::initializer_list<DType> also = {});
  /// Null when the op has no kernel here.
  const KernelFactory* kernel(std::string_view op_type) const;
  /// Returns null if the device does not do the two ops in one pass.
  const Fusion* fusion(std::string_view first, std::string_view second) const;
  /// How a value declared as `dtype` is stored here (the reference device keeps f32 as f64).
  virtual DType stored(DType dtype) const { return dtype; }
  /// Whether all kernels of the device support values stored as this dtype.
  virtual bool computes(DType stored) const {
    return stored == DType::f32 || stored == DType::i32 || stored == DType::u8;
  }
  /// Whether the kernel of this op does.
  bool computes(std::string_view op_type, DType stored) const;
  /// Calls `work()` and returns what it returns. Kernels are lowered, bound and run in it with `threads` host threads.
  /// 0: threads(), or as many of them as OpenMP grants. If the calling thread cannot have several (inside an OpenMP
  /// parallel region), `work` runs on another thread while this one waits. Throws DeviceError if fewer threads are
  /// granted than the given number, and in a process that was forked from one whose kernels used several threads.
  template <class Work>
  std::invoke_result_t<Work&> with_threads(int threads, Work&& work);
  /// The number of threads that with_threads(0) uses: that of the innermost with_threads(). Outside of one, on the cpu
  /// device: OMP_NUM_THREADS, omp_set_num_threads(), or one thread for each core that affinity mask and CPU quota
  /// allow.
  virtual int threads() const { return 1; }
  virtual DeviceRates rates() const { return {}; }
  /// Returns `precision`, automatic replaced by what it means on this device. Throws DeviceError if the device does not
  /// have the precision.
  virtual Precision resolved(Precision precision) const;
  /// The precision of kernels that the calling thread lowers: that of its DeviceRun, or what automatic means outside of
  /// one. Part of fingerprint().
  Precision precision() const;

  virtual void copy_in(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy_out(void* host, const void* device, std::size_t bytes) = 0;
  /// Copies between two ranges of this device that do not overlap.
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill(void* device, unsigned char byte, std::size_t bytes) = 0;
  /// Returns which lines of `line_bytes` contain a byte other than `fill`: line i is bit i % 32 of word i / 32.
  /// `line_bytes` is a multiple of 16, to which `device` is aligned. The last line may be shorter. Allocates no device
  /// memory.
  virtual std::vector<std::uint32_t> changed_lines(const void* device, std::size_t bytes, std::size_t line_bytes,
                                                   unsigned char fill);
  /// Copies `bytes` from `plain` to the slot of the micro-batch in `context`, or back. A slot takes `stride` bytes.
  virtual void store_in_slot(void* slots, const void* plain, std::size_t bytes, std::size_t stride,
                             const RunContext& context);
  virtual void load_from_slot(void* plain, const void* slots, std::size_t bytes, std::size_t stride,
                              const RunContext& context);
  /// Whether kernels read the position of the run from RunCounters in device memory, which the caller must provide and
  /// set.
  virtual bool keeps_counters() const { return false; }
  /// Sets the counters, in the order of the kernels.
  virtual void set_counters(RunCounters* counters, const RunContext& context);
  /// Advances the counters to the next micro-batch, after one of `samples` samples, in the order of the kernels.
  virtual void advance_counters(RunCounters* counters, std::int64_t samples);
  /// Whether the device can record().
  virtual bool records() const { return false; }
  /// Calls `enqueue` and records its kernels and copies, with their addresses and arguments, instead of running them.
  /// Throws BackendError if something in it cannot be recorded.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& enqueue);
  /// Returns null if the host writes device memory itself.
  virtual std::unique_ptr<Uploader> make_uploader(std::size_t slot_bytes);
  /// Returns the device's memory; empty if the device works in host memory.
  virtual std::optional<DeviceMemory> memory() const { return std::nullopt; }
  /// Loads the libraries that the first kernels would load, so that memory() then has what is left for a run.
  virtual void warm_up() {}
  /// Whether host code can read and write device memory through its address.
  virtual bool host_visible() const { return false; }
  virtual void synchronize() {}

  /// Allocates, and counts the bytes for the calling thread's DeviceRun. Throws OutOfMemory, naming the running kernel,
  /// under an AllocationSeal.
  Buffer allocate(std::size_t bytes);
  /// Bytes that are allocated by all runs.
  std::size_t allocated_bytes() const { return allocated_; }

 protected:
  virtual void do_with_threads(int threads, const std::function<void()>& work);
  virtual void* do_allocate(std::size_t bytes) = 0;
  virtual void do_free(void* data, std::size_t bytes) noexcept = 0;

 private:
  friend class Buffer;
  void release(void* data, std::size_t bytes, MemoryCount* count) noexcept;
  const DeviceRun* run_here() const;  // of the calling thread; null: none

  KernelTable added_kernels_;
  std::atomic<std::size_t> allocated_ = 0;
};

template <class Work>
std::invoke_result_t<Work&> Backend::with_threads(int threads, Work&& work) {
  using Result = std::invoke_result_t<Work&>;
  if constexpr (std::is_void_v<Result>) {
    do_with_threads(threads, std::ref(work));
  } else {
    std::optional<Result> result;
    do_with_threads(threads, [&] { result.emplace(work()); });
    return std::move(*result);
  }
}

/// Returns the name of the kernel that this thread runs ("" if none), for messages of allocators and checkers.
const char* running_kernel();

/// Names the running kernel while it lives; `name` must outlive it.
class RunningKernel {
 public:
  explicit RunningKernel(const char* name);
  ~RunningKernel();
  RunningKernel(const RunningKernel&) = delete;
  RunningKernel& operator=(const RunningKernel&) = delete;
};

/// Registers a backend that is not built in (the tests' reference device). The library keeps it until the process ends.
/// Throws UsageError when the device is open already.
void register_backend(Device::Kind kind, std::unique_ptr<Backend> backend);

}  // namespace sluice
