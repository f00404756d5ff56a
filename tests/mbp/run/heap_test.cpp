// A replay in steady state allocates nothing: malloc is interposed for this program, and what is asked for between a
// replay's entry and exit, on any thread, is recorded with its call stack.

#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <string>

#include <dlfcn.h>
#include <execinfo.h>

#include <gtest/gtest.h>

#include <sluice/mbp/run/scheduler.h>
#include <sluice/optim/adam.h>

#include "mbp/small_net.h"
#include "models/fashion_cnn.h"

namespace {

struct Allocation {
  std::size_t bytes = 0;
  int depth = 0;
  std::array<void*, 16> frames{};
};

std::array<Allocation, 4096> recorded;
std::atomic<std::size_t> count = 0;
std::atomic<bool> recording = false;
thread_local bool inside = false;  // backtrace() itself may allocate

void record(std::size_t bytes) {
  if (!recording.load(std::memory_order_relaxed) || inside || !sluice::replay_running()) return;
  inside = true;
  const std::size_t slot = count.fetch_add(1);
  if (slot < recorded.size()) {
    recorded[slot].bytes = bytes;
    recorded[slot].depth = backtrace(recorded[slot].frames.data(), static_cast<int>(recorded[slot].frames.size()));
  }
  inside = false;
}

std::string module_of(void* address) {
  Dl_info info{};
  if (!dladdr(address, &info) || !info.dli_fname) return "?";
  const char* const slash = std::strrchr(info.dli_fname, '/');
  return slash ? slash + 1 : info.dli_fname;
}

/// The module that asked for memory: the first frame above this interposer that is not the C or C++ runtime.
std::string caller(const Allocation& allocation) {
  for (int i = 2; i < allocation.depth; ++i) {  // 0 and 1 are record() and the interposed function
    const std::string module = module_of(allocation.frames[static_cast<std::size_t>(i)]);
    if (!module.starts_with("libstdc++") && !module.starts_with("libc.so") && !module.starts_with("libgcc"))
      return module;
  }
  return "?";
}

}  // namespace

#ifndef SLUICE_SANITIZED
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t items, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

__attribute__((noinline)) void* malloc(std::size_t bytes) {
  record(bytes);
  return __libc_malloc(bytes);
}
__attribute__((noinline)) void* calloc(std::size_t items, std::size_t bytes) {
  record(items * bytes);
  return __libc_calloc(items, bytes);
}
__attribute__((noinline)) void* realloc(void* old, std::size_t bytes) {
  record(bytes);
  return __libc_realloc(old, bytes);
}
__attribute__((noinline)) void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  record(bytes);
  return __libc_memalign(alignment, bytes);
}
__attribute__((noinline)) int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  record(bytes);
  *result = __libc_memalign(alignment, bytes);
  return *result ? 0 : 12;
}
}
#endif

namespace sluice::test {
namespace {

class Heap : public testing::Test {
 protected:
  void SetUp() override {
#ifdef SLUICE_SANITIZED
    GTEST_SKIP() << "sanitizers bring their own malloc";
#endif
    std::array<void*, 2> warm_up{};
    backtrace(warm_up.data(), 2);  // loads libgcc_s
  }
  void TearDown() override { recording = false; }
};

TEST_F(Heap, TheInterposerSeesAnAllocationInsideAReplay) {
  Device::cpu().backend().add_kernel("leaky_copy", [](LoweringContext& context) {
    context.require_plain(0);
    return make_kernel([bytes = context.output(0).bytes()](const Addresses& at, const RunContext&) {
      delete[] new std::string[7];
      std::memcpy(at.outputs[0], at.inputs[0], bytes);
    });
  });
  class LeakyCopy final : public Op {
    std::string_view type() const override { return "leaky_copy"; }
    std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
    void gradient(GradientContext&) const override {}
  };
  SmallNet net;
  NoUpdate none;
  const TensorDataset data = small_data(20, 0);
  Trainer trainer(net, none,
                  [&](const Batch& b) {
                    const Var logits = net(b["image"]);
                    b.output("copied",
                             batch_sum(sum_per_sample(logits.graph().add1(std::make_shared<LeakyCopy>(), {logits}))));
                    return mean_cross_entropy(logits, b["label"]);
                  },
                  data.spec(), {.batch = 20, .micro_batch = 7, .device = Device::cpu()});
  trainer.run_epoch(data);
  count = 0;
  recording = true;
  trainer.run_epoch(data);
  recording = false;
  int ours = 0;  // oneDNN allocates a few bytes of its own
  for (std::size_t i = 0; i < count.load(); ++i)
    ours += caller(recorded[i]) == module_of(reinterpret_cast<void*>(&record));
  EXPECT_EQ(ours, 3);  // once per replay
}

/// Fails for every allocation that came from this program or libsluice, and for large ones from anywhere.
void expect_no_allocation(Module& net, const StepFunction& step, const Dataset& data, std::int64_t batch,
                          std::int64_t micro_batch, int threads, bool timed = false) {
  Adam adam({.lr = 1e-3});
  Trainer trainer(net, adam, step, data.spec(),
                  {.batch = batch, .micro_batch = micro_batch, .device = Device::cpu(), .threads = threads});
  trainer.run_epoch(data);
  if (timed) trainer.record_times((data.spec().samples + batch - 1) / batch);
  count = 0;
  recording = true;
  trainer.run_epoch(data);
  recording = false;
  EXPECT_EQ(trainer.kernel_times().slices.empty(), !timed);
  ASSERT_LE(count.load(), recorded.size());
  for (std::size_t i = 0; i < count.load(); ++i) {
    const std::string module = caller(recorded[i]);
    EXPECT_FALSE(module.starts_with("libsluice") || module == module_of(reinterpret_cast<void*>(&record)))
        << recorded[i].bytes << " bytes from " << module;
    EXPECT_LT(recorded[i].bytes, std::size_t{64} << 10) << "from " << module;
  }
}

TEST_F(Heap, AReplayInSteadyStateAllocatesNothing) {
  SmallNet net;
  const TensorDataset data = small_data(60, 0);
  for (const int threads : {1, 2})
    expect_no_allocation(
        net, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); }, data, 25, 7, threads);
}

TEST_F(Heap, NorDoesOneWhoseKernelsAreTimed) {
  SmallNet net;
  const TensorDataset data = small_data(60, 0);
  expect_no_allocation(
      net, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); }, data, 25, 7, 2,
      /*timed=*/true);
}

TEST_F(Heap, NorDoesAReplayOfTheDemoNetwork) {
  samples::FashionCnn net;
  const TensorDataset data("images", {{"image", random_tensor({96, 1, 28, 28}, DType::u8, 0, 255, 1), {0.3f}, {0.4f}},
                                      {"label", random_tensor({96}, DType::i32, 0, 9, 2)}});
  for (const int threads : {1, 2})
    expect_no_allocation(
        net, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); }, data, 96, 32, threads);
}

}  // namespace
}  // namespace sluice::test
