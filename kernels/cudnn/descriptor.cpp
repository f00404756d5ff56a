#include <sluice/kernels/cudnn/descriptor.h>

#include <array>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice::cudnn {

std::string text(cudnnStatus_t status) {
  std::array<char, 512> details{};
  cudnnGetLastErrorString(details.data(), details.size());
  std::string line(details.data());
  for (char& c : line)
    if (c == '\n') c = ' ';
  return std::string(cudnnGetErrorString(status)) + (line.empty() ? "" : ": " + line);
}

void check(cudnnStatus_t status, const char* call, std::string_view file, int line) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const std::string kernel = running_kernel();
  // Kernels run asynchronously: what launches one may be told that another has failed.
  const bool may_be_of_another = status == CUDNN_STATUS_EXECUTION_FAILED || status == CUDNN_STATUS_INTERNAL_ERROR;
  throw BackendError("cuDNN: " + std::string(call) + " failed" + (kernel.empty() ? "" : " in kernel '" + kernel + "'") +
                     (may_be_of_another ? ", or in a kernel before it" : "") + "; got '" + text(status) +
                     "'; expected success; at " + std::string(file.substr(file.rfind('/') + 1)) + ":" +
                     std::to_string(line));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(cudnnBackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
}

Descriptor::~Descriptor() {
  if (descriptor_) (void)cudnnBackendDestroyDescriptor(descriptor_);
}

void Descriptor::set_all(cudnnBackendAttributeName_t name, std::span<const Descriptor* const> values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor* value : values) raw.push_back(value->descriptor_);
  set_all<cudnnBackendDescriptor_t>(name, raw);
}

void Descriptor::set_all(cudnnBackendAttributeName_t name, std::span<const Descriptor> values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& value : values) raw.push_back(value.descriptor_);
  set_all<cudnnBackendDescriptor_t>(name, raw);
}

void Descriptor::finalize() { check(cudnnBackendFinalize(descriptor_), "cudnnBackendFinalize"); }

std::vector<Descriptor> Descriptor::get_descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                                    std::int64_t most) const {
  std::vector<Descriptor> values;  // cuDNN fills in descriptors that are there
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < most; ++i) raw.push_back(values.emplace_back(type).descriptor_);
  const std::int64_t count = most ? get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, raw.data()) : 0;
  while (static_cast<std::int64_t>(values.size()) > count) values.pop_back();
  return values;
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name) const {
  return get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
}

void Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                         const void* values) {
  check(cudnnBackendSetAttribute(descriptor_, name, type, count, values), "cudnnBackendSetAttribute");
}

std::int64_t Descriptor::get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                                 void* values) const {
  std::int64_t there = 0;
  check(cudnnBackendGetAttribute(descriptor_, name, type, count, &there, values), "cudnnBackendGetAttribute");
  return there;
}

}  // namespace sluice::cudnn
