#include <sluice/kernels/cpu/cpu_backend.h>

#include <algorithm>
#include <cstring>

#include <omp.h>
#include <sys/mman.h>

#include <sluice/core/host_memory.h>
#include <sluice/core/kernel.h>
#include <sluice/core/text.h>
#include <sluice/kernels/cpu/threads.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice {

void register_cpu_kernels(KernelTable& table);  // generated from kernels/CMakeLists.txt

namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend() { register_cpu_kernels(kernels_); }

  std::string description() const override {
    return "cpu: " + properties() + counted(threads(), "thread") + reason() + strictness();
  }
  // oneDNN picks algorithms, layouts and scratch sizes by its version, the instruction set and the number of threads.
  std::string fingerprint() const override {
    return "cpu, " + properties() + std::to_string(threads()) + " threads" + strictness();
  }
  const KernelTable& kernels() const override { return kernels_; }

  int threads() const override { return cpu::current_threads().count; }
  // A core with 512-bit vectors in direct convolutions, its share of the memory's bandwidth, and its own cache.
  DeviceRates rates() const override {
    const int cores = threads();
    return {.flops_per_s = 1e11 * cores,
            .bytes_per_s = 1.5e10 * cores,
            .launch_s = 3e-6,
            .cache_bytes = 1e6 * cores,
            .cache_bytes_per_s = 6e10 * cores};
  }

  void copy_in(void* device, const void* host, std::size_t bytes) override { std::memcpy(device, host, bytes); }
  void copy_out(void* host, const void* device, std::size_t bytes) override { std::memcpy(host, device, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void fill(void* device, unsigned char byte, std::size_t bytes) override { std::memset(device, byte, bytes); }
  bool host_visible() const override { return true; }

 protected:
  void do_with_threads(int threads, const std::function<void()>& work) override { cpu::with_threads(threads, work); }
  // Pages instead of malloc: aligned, exact in the process's resident size, and returned at once.
  void* do_allocate(std::size_t bytes) override {
    void* data =
        mmap(nullptr, std::max<std::size_t>(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw_out_of_host_memory("the slab of the cpu device", bytes);
    madvise(data, bytes, MADV_HUGEPAGE);  // fewer TLB misses; a kernel without huge pages says no, which is no harm
    return data;
  }
  void do_free(void* data, std::size_t bytes) noexcept override { munmap(data, std::max<std::size_t>(bytes, 1)); }

 private:
  std::string reason() const {
    const std::string reason = cpu::current_threads().reason;
    return reason.empty() ? "" : " (" + reason + ")";
  }
  std::string strictness() const { return precision() == Precision::strict ? ", strict" : ""; }
  std::string properties() const { return onednn::version() + ", " + onednn::isa() + ", "; }

  KernelTable kernels_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace sluice
