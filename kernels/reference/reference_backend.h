#pragma once

#include <sluice/core/device.h>
#include <sluice/core/kernel.h>

namespace sluice {

/// The oracle of the tests: naive kernels on one thread, everything plain, every f32 value stored and computed as f64.
/// i32, u8 and bit stay what they are. Memory is ordinary heap memory, so that sanitizers see overruns.
class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend();

  std::string description() const override { return "reference: naive loops in double"; }
  std::string fingerprint() const override { return "reference"; }
  const KernelTable& kernels() const override { return kernels_; }
  DType stored(DType dtype) const override { return is_floating(dtype) ? DType::f64 : dtype; }
  bool computes(DType stored) const override {
    return stored != DType::f32 && stored != DType::bf16 && stored != DType::bit;
  }

  void copy_in(void* device, const void* host, std::size_t bytes) override;
  void copy_out(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void fill(void* device, unsigned char byte, std::size_t bytes) override;
  bool host_visible() const override { return true; }

 protected:
  void* do_allocate(std::size_t bytes) override;
  void do_free(void* data, std::size_t bytes) noexcept override;

 private:
  KernelTable kernels_;
};

/// Makes Device::reference() available; further calls do nothing.
void register_reference_device();

}  // namespace sluice
