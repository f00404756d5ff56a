#include <sluice/core/device.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/core/device_run.h>
#include <sluice/core/error.h>
#include <sluice/core/kernel.h>
#include <sluice/kernels/reference/reference_backend.h>

namespace sluice::test {
namespace {

/// A device of its own, so that nothing else counts in it.
class TestBackend final : public Backend {
 public:
  TestBackend() {
    kernels_.add("known", [](LoweringContext&) { return nullptr; });
  }
  std::string description() const override { return "test"; }
  std::string fingerprint() const override { return "test"; }
  const KernelTable& kernels() const override { return kernels_; }
  void copy_in(void* device, const void* host, std::size_t bytes) override { std::memcpy(device, host, bytes); }
  void copy_out(void* host, const void* device, std::size_t bytes) override { std::memcpy(host, device, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void fill(void* device, unsigned char byte, std::size_t bytes) override { std::memset(device, byte, bytes); }

  int freed = 0;
  bool full = false;

 protected:
  void* do_allocate(std::size_t bytes) override {
    if (full) throw OutOfMemory("test: full");
    return std::malloc(bytes);
  }
  void do_free(void* data, std::size_t) noexcept override {
    ++freed;
    std::free(data);
  }

 private:
  KernelTable kernels_;
};

TEST(Device, IsParsedFromItsText) {
  EXPECT_EQ(Device::parse("cpu"), Device::cpu());
  EXPECT_EQ(Device::parse("cuda"), Device::cuda());
  EXPECT_EQ(Device::parse("cuda:0"), Device::cuda(0));
  EXPECT_EQ(Device::parse("cuda:12"), Device::cuda(12));
  EXPECT_NE(Device::cuda(0), Device::cuda(1));
  EXPECT_NE(Device::cpu(), Device::cuda());
  for (const Device device : {Device::cpu(), Device::cuda(), Device::cuda(3)})
    EXPECT_EQ(Device::parse(device.str()), device);
}

TEST(Device, RefusesOtherText) {
  for (const char* text : {"", "CPU", "cpu ", "cpu:0", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "cuda: 1",
                           "cuda:99999999999", "reference"}) {
    try {
      Device::parse(text);
      ADD_FAILURE() << "'" << text << "' was taken for a device";
    } catch (const DeviceError& error) {
      EXPECT_NE(std::string(error.what()).find("got '" + std::string(text) + "'"), std::string::npos) << error.what();
    }
  }
}

TEST(Device, HasOneBackend) {
  register_reference_device();
  register_reference_device();
  EXPECT_EQ(&Device::cpu().backend(), &Device::cpu().backend());
  EXPECT_NE(&Device::cpu().backend(), &Device::reference().backend());
}

TEST(Buffer, IsCountedWhileItLives) {
  TestBackend backend;
  const DeviceRun run(backend);
  const DeviceRun::Scope scope(run);
  {
    const Buffer a = backend.allocate(100);
    EXPECT_EQ(a.bytes(), 100u);
    { const Buffer b = backend.allocate(50); }
    EXPECT_EQ(backend.allocated_bytes(), 100u);
    EXPECT_EQ(run.memory().peak_bytes(), 150u);
    EXPECT_EQ(backend.freed, 1);
    run.memory().reset_peak();
    EXPECT_EQ(run.memory().peak_bytes(), 100u);
  }
  EXPECT_EQ(backend.allocated_bytes(), 0u);
  EXPECT_EQ(backend.freed, 2);
  EXPECT_EQ(run.memory().peak_bytes(), 100u);
}

TEST(Buffer, MovesWithItsMemory) {
  TestBackend backend;
  {
    Buffer a = backend.allocate(100);
    std::byte* const data = a.data();
    Buffer b = std::move(a);
    EXPECT_EQ(b.data(), data);
    EXPECT_EQ(backend.freed, 0);
    Buffer c = backend.allocate(10);
    c = std::move(b);
    EXPECT_EQ(c.data(), data);
    EXPECT_EQ(c.bytes(), 100u);
    Buffer& same = c;
    c = std::move(same);
    EXPECT_EQ(c.data(), data);
  }
  EXPECT_EQ(backend.freed, 2);  // each once
  EXPECT_EQ(backend.allocated_bytes(), 0u);
  static_assert(!std::is_copy_constructible_v<Buffer> && !std::is_copy_assignable_v<Buffer>);
}

TEST(Buffer, OfNothingFreesNothing) {
  const Buffer none;
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.bytes(), 0u);
}

TEST(Backend, RefusesToAllocateWhileSealed) {
  TestBackend backend;
  Buffer held = backend.allocate(100);
  std::optional<AllocationSeal> seal(backend);
  try {
    const RunningKernel running("conv2d");
    backend.allocate(7);
    ADD_FAILURE() << "allocated while sealed";
  } catch (const OutOfMemory& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("7 bytes in kernel 'conv2d'"), std::string::npos) << text;
  }
  EXPECT_EQ(backend.allocated_bytes(), 100u);
  held = Buffer();  // giving back is allowed
  seal.reset();
  EXPECT_NO_THROW(backend.allocate(7));
}

TEST(AllocationSeal, IsOfOneThreadAndOneDevice) {
  TestBackend backend, other;
  const AllocationSeal seal(backend);
  EXPECT_NO_THROW(other.allocate(1));
  std::thread thread([&] { EXPECT_NO_THROW(backend.allocate(1)); });
  thread.join();
  {
    const AllocationSeal both(other);
    EXPECT_THROW(backend.allocate(1), OutOfMemory);
    EXPECT_THROW(other.allocate(1), OutOfMemory);
  }
  EXPECT_NO_THROW(other.allocate(1));
  EXPECT_THROW(backend.allocate(1), OutOfMemory);
}

TEST(DeviceRun, CountsWhatItsOwnThreadsAskFor) {
  TestBackend backend, other;
  const DeviceRun a(backend), b(backend), c(other);
  Buffer kept;
  {
    const DeviceRun::Scope in_a(a);
    kept = backend.allocate(100);
    const DeviceRun::Scope in_c(c);  // of another device: what is asked of this one is still a's
    const Buffer more = backend.allocate(10);
    EXPECT_EQ(a.memory().bytes(), 110u);
    std::thread thread([&] {
      const DeviceRun::Scope in_b(b);
      const Buffer own = backend.allocate(50);
      EXPECT_EQ(b.memory().bytes(), 50u);
      EXPECT_EQ(a.memory().bytes(), 110u);
    });
    thread.join();
  }
  EXPECT_EQ(b.memory().bytes(), 0u);
  EXPECT_EQ(b.memory().peak_bytes(), 50u);
  EXPECT_EQ(c.memory().peak_bytes(), 0u);
  EXPECT_EQ(a.memory().bytes(), 100u);
  EXPECT_EQ(a.memory().peak_bytes(), 110u);
  EXPECT_EQ(backend.allocated_bytes(), 100u);
  kept = Buffer();  // outside of the run
  EXPECT_EQ(a.memory().bytes(), 0u);
}

TEST(DeviceRun, HasAPrecisionThatTheDeviceKnows) {
  TestBackend backend;
  EXPECT_EQ(backend.precision(), Precision::fp32);
  EXPECT_THROW(DeviceRun(backend, Precision::tf32), DeviceError);
  const DeviceRun strict(backend, Precision::strict), automatic(backend);
  EXPECT_EQ(automatic.precision(), Precision::fp32);
  {
    const DeviceRun::Scope scope(strict);
    EXPECT_EQ(backend.precision(), Precision::strict);
    std::thread thread([&] { EXPECT_EQ(backend.precision(), Precision::fp32); });
    thread.join();
  }
  EXPECT_EQ(backend.precision(), Precision::fp32);
}

TEST(Backend, CountsNothingThatWasRefused) {
  TestBackend backend;
  backend.full = true;
  EXPECT_THROW(backend.allocate(100), OutOfMemory);
  EXPECT_EQ(backend.allocated_bytes(), 0u);
  EXPECT_EQ(run.memory().peak_bytes(), 0u);
}

TEST(Backend, TakesOneKernelAnOp) {
  TestBackend backend;
  const KernelFactory none = [](LoweringContext&) { return nullptr; };
  EXPECT_NE(backend.kernel("known"), nullptr);
  EXPECT_EQ(backend.kernel("new"), nullptr);
  EXPECT_THROW(backend.add_kernel("known", none), BackendError);
  backend.add_kernel("new", none);
  EXPECT_NE(backend.kernel("new"), nullptr);
  try {
    backend.add_kernel("new", none);
    ADD_FAILURE() << "two kernels for one op";
  } catch (const BackendError& error) {
    EXPECT_NE(std::string(error.what()).find("new"), std::string::npos) << error.what();
  }
}

TEST(KernelTable, ListsItsTypes) {
  KernelTable table;
  const KernelFactory none = [](LoweringContext&) { return nullptr; };
  table.add("b", none);
  table.add("a", none);
  EXPECT_EQ(table.types(), (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW(table.add("a", none), BackendError);
  EXPECT_EQ(table.find("c"), nullptr);
}

}  // namespace
}  // namespace sluice::test
