#include <sluice/kernels/reference/reference_backend.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice {

void register_reference_kernels(KernelTable& table);  // generated from kernels/CMakeLists.txt

namespace {

constexpr std::align_val_t alignment{64};

}  // namespace

ReferenceBackend::ReferenceBackend() { register_reference_kernels(kernels_); }

void ReferenceBackend::copy_in(void* device, const void* host, std::size_t bytes) { std::memcpy(device, host, bytes); }
void ReferenceBackend::copy_out(void* host, const void* device, std::size_t bytes) { std::memcpy(host, device, bytes); }
void ReferenceBackend::copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
void ReferenceBackend::fill(void* device, unsigned char byte, std::size_t bytes) { std::memset(device, byte, bytes); }

void* ReferenceBackend::do_allocate(std::size_t bytes) {
  return ::operator new(std::max<std::size_t>(bytes, 1), alignment);
}

void ReferenceBackend::do_free(void* data, std::size_t) noexcept { ::operator delete(data, alignment); }

void register_reference_device() {
  static const bool registered = [] {
    register_backend(Device::Kind::reference, std::make_unique<ReferenceBackend>());
    return true;
  }();
  (void)registered;
}

}  // namespace sluice
