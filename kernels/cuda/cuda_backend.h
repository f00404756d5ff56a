#pragma once

#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <vector>

#include <cuda_runtime_api.h>

#include <sluice/core/device.h>
#include <sluice/core/kernel.h>
#include <sluice/kernels/cuda/device_properties.h>
#include <sluice/kernels/cuda/queue.h>

namespace sluice::cuda {

/// An NVIDIA GPU: its memory, and one stream that everything runs on in order. Copies from and to the host return when
/// they are done; everything else returns at once.
class CudaBackend final : public Backend {
 public:
  /// Opens the device. Throws DeviceError saying why it cannot be used.
  explicit CudaBackend(int index);
  /// A device to plan for, which need not be here: kernels are lowered for it; whatever needs the device itself throws
  /// DeviceError.
  explicit CudaBackend(const DeviceProperties& planned);
  ~CudaBackend() override;

  std::string description() const override;
  std::string fingerprint() const override;
  const KernelTable& kernels() const override { return kernels_; }
  DeviceRates rates() const override { return cuda::rates(device_, precision()); }
  Precision resolved(Precision precision) const override;

  void copy_in(void* device, const void* host, std::size_t bytes) override;
  void copy_out(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void fill(void* device, unsigned char byte, std::size_t bytes) override;
  std::vector<std::uint32_t> changed_lines(const void* device, std::size_t bytes, std::size_t line_bytes,
                                           unsigned char fill) override;
  void synchronize() override;
  /// Makes the device the calling thread's current one. Throws DeviceError when it is only planned for.
  void select() const;
  void store_in_slot(void* slots, const void* plain, std::size_t bytes, std::size_t stride,
                     const RunContext& context) override;
  void load_from_slot(void* plain, const void* slots, std::size_t bytes, std::size_t stride,
                      const RunContext& context) override;
  bool keeps_counters() const override { return true; }
  void set_counters(RunCounters* counters, const RunContext& context) override;
  void advance_counters(RunCounters* counters, std::int64_t samples) override;
  bool records() const override { return true; }
  std::unique_ptr<Recording> record(const std::function<void()>& enqueue) override;
  std::unique_ptr<Uploader> make_uploader(std::size_t slot_bytes) override;
  std::optional<DeviceMemory> memory() const override;
  void warm_up() override;
  /// What warm_up() is to do: a library makes what it keeps on the device.
  void add_warm_up(void (*load)(CudaBackend&)) { warm_ups_.push_back(load); }

  const Queue& queue() const { return queue_; }
  const DeviceProperties& properties() const { return device_; }
  bool is_here() const { return is_here_; }
  /// The backend's one T(CudaBackend&), made at the first call: what a library needs to have once a device.
  template <class T>
  T& one();

 protected:
  void* do_allocate(std::size_t bytes) override;
  void do_free(void* data, std::size_t bytes) noexcept override;

 private:
  KernelTable kernels_;
  DeviceProperties device_;
  Queue queue_;
  bool is_here_ = false;
  std::vector<void (*)(CudaBackend&)> warm_ups_;
  std::map<std::type_index, std::shared_ptr<void>> ones_;
};

template <class T>
T& CudaBackend::one() {
  std::shared_ptr<void>& slot = ones_[typeid(T)];
  if (!slot) slot = std::make_shared<T>(*this);
  return *static_cast<T*>(slot.get());
}

/// The backend that a kernel is lowered for.
inline CudaBackend& backend(const LoweringContext& context) { return static_cast<CudaBackend&>(context.backend()); }

/// Finds out whether this module has code that the current device can run: success, or the runtime's reason.
cudaError_t probe_device_code();
/// The compute capabilities this module was built for: "80, 90".
std::string built_for();

}  // namespace sluice::cuda
