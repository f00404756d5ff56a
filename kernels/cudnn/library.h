#pragma once

#include <optional>
#include <string>

#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cudnn/descriptor.h>
#include <sluice/kernels/cudnn/plan_cache.h>

namespace sluice::cudnn {

/// Throws DeviceError unless the cuDNN that was loaded is version 9 or later.
void require_library();
/// Throws DeviceError unless cuDNN can plan for absent GPUs (9.8 or later).
void require_planning();
/// Throws DeviceError for a GPU that is newer than this cuDNN, because cuDNN does not check it.
void require_device(const cuda::DeviceProperties& device);
/// "9.19.0".
std::string version();

// What came with cuDNN 9.2 (a configuration's workspace) and 9.8 (devices that are not here); by number, so that
// earlier headers do.
namespace attribute {
inline constexpr auto configuration_workspace = static_cast<cudnnBackendAttributeName_t>(303);
inline constexpr auto heuristics_device = static_cast<cudnnBackendAttributeName_t>(204);
inline constexpr auto plan_device = static_cast<cudnnBackendAttributeName_t>(407);
inline constexpr auto engine_device = static_cast<cudnnBackendAttributeName_t>(1307);
inline constexpr auto device_json = static_cast<cudnnBackendAttributeName_t>(2702);
}  // namespace attribute

/// Initialises what the first convolution would, except its plan.
void warm_up(cuda::CudaBackend& backend);

/// The objects of cuDNN that exist once per device (CudaBackend::one). Each is made at its first use.
class Library {
 public:
  explicit Library(cuda::CudaBackend& backend);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  cuda::CudaBackend& backend() const { return backend_; }
  /// Returns the handle of a present device, on its stream. Throws DeviceError for an absent one.
  cudnnHandle_t handle();
  /// The same, but null for an absent device.
  cudnnHandle_t handle_if_here() { return backend_.is_here() ? handle() : nullptr; }
  PlanCache& cache();

  /// Sets the device of a descriptor, if the device is absent.
  void set_device(Descriptor& descriptor, cudnnBackendAttributeName_t name);
  /// Sets the device of an execution plan, which always needs it.
  void set_plan_device(Descriptor& plan);

 private:
  const Descriptor& planned_device();

  cuda::CudaBackend& backend_;
  cudnnHandle_t handle_ = nullptr;
  std::optional<Descriptor> planned_device_;
  PlanCache* cache_ = nullptr;
};

}  // namespace sluice::cudnn
