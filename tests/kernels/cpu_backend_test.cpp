#include <sluice/core/device_run.h>
#include <sluice/kernels/cpu/cpu_backend.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/kernel.h>
#include <sluice/core/text.h>
#include <sluice/kernels/cpu/accumulate.h>
#include <sluice/kernels/cpu/parallel.h>

#include "support/threads.h"

namespace sluice::test {
namespace {

TEST(CpuBackend, SaysWhatPlansDependOn) {
  const auto backend = make_cpu_backend();
  const int threads = backend->threads(), openmp_threads = omp_get_max_threads();
  EXPECT_GE(threads, 1);
  EXPECT_TRUE(backend->host_visible());
  for (const std::string& text : {backend->description(), backend->fingerprint()}) {
    EXPECT_EQ(text.substr(0, 3), "cpu");
    EXPECT_NE(text.find("oneDNN "), std::string::npos) << text;
    EXPECT_NE(text.find(", " + counted(threads, "thread")), std::string::npos) << text;
  }
  backend->with_threads(1, [&] { EXPECT_TRUE(backend->description().ends_with(", 1 thread")); });
  const std::string before = backend->fingerprint();
  backend->with_threads(threads + 1, [&] {
    EXPECT_EQ(backend->threads(), threads + 1);
    EXPECT_EQ(omp_get_max_threads(), threads + 1);
    EXPECT_NE(backend->fingerprint(), before);
    backend->with_threads(0, [&] { EXPECT_EQ(backend->threads(), threads + 1); });
  });
  EXPECT_EQ(backend->threads(), threads);
  EXPECT_EQ(omp_get_max_threads(), openmp_threads);
}

TEST(CpuBackend, GivesWorkItsThreadsInsideAParallelRegion) {
  SLUICE_NEEDS_OPENMP_THREADS();
  const auto backend = make_cpu_backend();
  const auto team = [] {
    int size = 0;
#pragma omp parallel
#pragma omp single
    size = omp_get_num_threads();
    return size;
  };
  std::vector<int> sizes;
  std::string message;
#pragma omp parallel num_threads(2)
#pragma omp single
  {
    sizes = {team(), backend->with_threads(3, team), backend->with_threads(1, team)};
    try {
      backend->with_threads(2, [] { throw DataError("from work"); });
    } catch (const DataError& error) {
      message = error.what();
    }
  }
  EXPECT_EQ(sizes, (std::vector{1, 3, 1}));
  EXPECT_EQ(message, "from work");
}

TEST(CpuBackend, PutsThreadsBackAfterAnError) {
  const auto backend = make_cpu_backend();
  const int threads = backend->threads();
  EXPECT_THROW(backend->with_threads(threads + 1, [] { throw DataError("from work"); }), DataError);
  EXPECT_EQ(backend->threads(), threads);
  EXPECT_THROW(backend->with_threads(100'000, [] { FAIL(); }), DeviceError);
  EXPECT_EQ(backend->threads(), threads);
}

TEST(CpuBackend, HandsOutZeroedPages) {
  const auto backend = make_cpu_backend();
  const DeviceRun run(*backend);
  const DeviceRun::Scope scope(run);
  {
    const Buffer buffer = backend->allocate(10'000);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0u);
    EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + 10'000, [](std::byte b) { return b == std::byte(0); }));
    const Buffer empty = backend->allocate(0);
    EXPECT_EQ(backend->allocated_bytes(), 10'000u);
  }
  EXPECT_EQ(backend->allocated_bytes(), 0u);
  EXPECT_EQ(run.memory().peak_bytes(), 10'000u);
  EXPECT_THROW(backend->allocate(std::size_t{1} << 62), OutOfHostMemory);
}

TEST(CpuBackend, CopiesAndFills) {
  const auto backend = make_cpu_backend();
  const Buffer a = backend->allocate(8), b = backend->allocate(8);
  backend->fill(a.data(), 7, 8);
  backend->copy_in(a.data(), "abc", 3);
  backend->copy(b.data(), a.data(), 8);
  char out[8];
  backend->copy_out(out, b.data(), 8);
  EXPECT_EQ(std::string(out, 8), "abc\7\7\7\7\7");
}

TEST(CpuBackend, AddsOnAllThreads) {
  for (const std::int64_t count : {0, 1, 17, 16 * 1024, 100'003}) {
    std::vector<float> sum(static_cast<std::size_t>(count) + 1, 1), part(sum.size(), 2);
    cpu::accumulate(sum.data(), part.data(), count);
    EXPECT_EQ(std::count(sum.begin(), sum.end(), 3.0f), count);
    EXPECT_EQ(sum.back(), 1);
  }
}

}  // namespace
}  // namespace sluice::test
