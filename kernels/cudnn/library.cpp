#include <sluice/kernels/cudnn/library.h>

#include <sluice/core/error.h>

namespace sluice::cudnn {
namespace {

constexpr auto device_descriptor = static_cast<cudnnBackendDescriptorType_t>(38);
constexpr std::size_t least_version = 90000, least_version_for_planning = 90800;

/// "9.19.0" for 91900, and "8.9.7" for 8907: before version 9 the minor version took a digit less.
std::string version_text(std::size_t number) {
  const std::size_t minors = number < 10000 ? 10 : 100;
  return std::to_string(number / 100 / minors) + "." + std::to_string(number / 100 % minors) + "." +
         std::to_string(number % 100);
}

void require_version(std::size_t least, const std::string& purpose, const std::string& otherwise) {
  const std::size_t number = cudnnGetVersion();
  if (number >= least) return;
  throw DeviceError("cuda: cuDNN is too old " + purpose + "; got version " + version_text(number) + "; expected " +
                    version_text(least) + " or later" + otherwise);
}

}  // namespace

void require_library() { require_version(least_version, "for this CUDA module", ""); }

void require_planning() {
  require_version(least_version_for_planning, "to plan for a GPU that is not here (--gpu FILE)",
                  ", or a GPU that is here, for which " + version_text(least_version) + " is enough");
}

void require_device(const cuda::DeviceProperties& device) {
  const auto newest = static_cast<std::int64_t>(cudnnGetMaxDeviceVersion());
  if (device.device_version <= newest) return;
  throw DeviceError("cuda: cuDNN " + version() + " does not know the GPU; got " + device.str() +
                    "; expected at most compute capability " +
                    cuda::DeviceProperties{.name = {}, .device_version = newest}.capability() + ", or a later cuDNN");
}

void warm_up(cuda::CudaBackend& backend) { (void)backend.one<Library>().handle(); }

std::string version() { return version_text(cudnnGetVersion()); }

Library::Library(cuda::CudaBackend& backend) : backend_(backend) {}

Library::~Library() {
  if (cache_) cache_->save();
  if (handle_) (void)cudnnDestroy(handle_);
}

cudnnHandle_t Library::handle() {
  backend_.select();
  if (!handle_) {
    check(cudnnCreate(&handle_), "cudnnCreate");
    check(cudnnSetStream(handle_, backend_.queue().stream), "cudnnSetStream");
  }
  return handle_;
}

PlanCache& Library::cache() {
  if (!cache_)  // what a device answers itself is kept apart from what was planned for its like
    cache_ = &PlanCache::of(backend_.properties().json(), version() + (backend_.is_here() ? "" : "-planned"));
  return *cache_;
}

void Library::set_device(Descriptor& descriptor, cudnnBackendAttributeName_t name) {
  if (backend_.is_here())
    backend_.select();  // the graph has its handle
  else
    descriptor.set(name, planned_device());
}

void Library::set_plan_device(Descriptor& plan) {
  if (backend_.is_here())
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle());
  else
    plan.set(attribute::plan_device, planned_device());
}

const Descriptor& Library::planned_device() {
  if (planned_device_) return *planned_device_;
  const std::string json = backend_.properties().json();
  Descriptor device(device_descriptor);
  device.set_all<char>(attribute::device_json, std::span(json.c_str(), json.size() + 1));
  if (const cudnnStatus_t status = device.try_finalize(); status != CUDNN_STATUS_SUCCESS)
    throw DeviceError("cuda: cuDNN does not take the GPU to plan for; got " + backend_.properties().str() + ", and '" +
                      text(status) + "'; expected properties of a GPU that it knows");
  planned_device_ = std::move(device);
  return *planned_device_;
}

}  // namespace sluice::cudnn
