// The shim itself: that it does what CUDA does, and that it shows mistakes.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "cuda_shim/faulty_kernels.h"
#include "policy.h"

namespace sluice::test {
namespace {

using cuda_shim::Laziness;
using cuda_shim::Order;

/// Sets a policy while it lives.
class WithPolicy {
 public:
  explicit WithPolicy(const cuda_shim::Policy& policy) : before_(cuda_shim::policy()) { cuda_shim::set_policy(policy); }
  ~WithPolicy() { cuda_shim::set_policy(before_); }

 private:
  cuda_shim::Policy before_;
};

struct Stream {
  Stream() { EXPECT_EQ(cudaStreamCreateWithFlags(&get, cudaStreamNonBlocking), cudaSuccess); }
  ~Stream() { EXPECT_EQ(cudaStreamDestroy(get), cudaSuccess); }
  cudaError_t synchronize() const { return cudaStreamSynchronize(get); }
  cudaStream_t get = nullptr;
};

struct Event {
  Event() { EXPECT_EQ(cudaEventCreateWithFlags(&get, cudaEventDisableTiming), cudaSuccess); }
  ~Event() { EXPECT_EQ(cudaEventDestroy(get), cudaSuccess); }
  cudaEvent_t get = nullptr;
};

/// Device memory for `count` numbers.
template <class T>
class Array {
 public:
  explicit Array(int count) : count_(count) { EXPECT_EQ(cudaMalloc(&data_, bytes()), cudaSuccess); }
  ~Array() { EXPECT_EQ(cudaFree(data_), cudaSuccess); }
  T* data() const { return data_; }
  std::size_t bytes() const { return static_cast<std::size_t>(count_) * sizeof(T); }
  void write(const Stream& stream, const std::vector<T>& values) {
    EXPECT_EQ(cudaMemcpyAsync(data_, values.data(), bytes(), cudaMemcpyHostToDevice, stream.get), cudaSuccess);
  }
  std::vector<T> read(const Stream& stream) const {
    std::vector<T> values(static_cast<std::size_t>(count_));
    EXPECT_EQ(cudaMemcpyAsync(values.data(), data_, bytes(), cudaMemcpyDeviceToHost, stream.get), cudaSuccess);
    EXPECT_EQ(stream.synchronize(), cudaSuccess);
    return values;
  }

 private:
  int count_;
  T* data_ = nullptr;
};

std::vector<float> ascending(int count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

/// What the kernel's failure says; the shim tells it to the next call that waits.
std::string failure(const Stream& stream) {
  const cudaError_t error = stream.synchronize();
  EXPECT_EQ(error, cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(stream.synchronize(), cudaSuccess) << "told twice";
  return cudaGetErrorString(error);
}

constexpr Order orders[] = {Order::forward, Order::backward, Order::shuffled};
constexpr Laziness lazinesses[] = {Laziness::eager, Laziness::lazy, Laziness::shuffled};

std::vector<float> reversed(Order order, bool barrier) {
  const WithPolicy policy({.order = order});
  const Stream stream;
  Array<float> x(256), y(256);
  x.write(stream, ascending(256));
  reverse(stream.get, 256, x.data(), y.data(), barrier);
  return y.read(stream);
}

TEST(CudaShimBlock, BarrierHoldsInEveryOrder) {
  std::vector<float> expected = ascending(256);
  std::reverse(expected.begin(), expected.end());
  for (const Order order : orders) EXPECT_EQ(reversed(order, true), expected);
}

// Where the barrier is missing, somebody reads shared memory that nobody wrote, and it holds NaN.
TEST(CudaShimBlock, MissingBarrierShowsInEveryOrder) {
  for (const Order order : orders) {
    const std::vector<float> got = reversed(order, false);
    EXPECT_TRUE(std::any_of(got.begin(), got.end(), [](float value) { return std::isnan(value); }));
  }
}

TEST(CudaShimBlock, ShufflesAndVotes) {
  for (const Order order : orders) {
    const WithPolicy policy({.order = order});
    const Stream stream;
    Array<float> x(96), sums(3);
    x.write(stream, ascending(96));
    warp_sums(stream.get, 96, x.data(), sums.data());
    EXPECT_EQ(sums.read(stream), (std::vector<float>{496, 1520, 2544}));
    Array<int> y(33);
    lanes(stream.get, y.data());
    const std::vector<int> got = y.read(stream);
    for (int lane = 0; lane < 32; ++lane)
      EXPECT_EQ(got[static_cast<std::size_t>(lane)],
                std::max(lane - 1, 0) * 10000 + std::min(lane + 1, 31) * 100 + lane / 8 * 8 + 3);
    EXPECT_EQ(got[32], 0x55555555);
  }
}

TEST(CudaShimBlock, DivergentBarrierIsReported) {
  const Stream stream;
  barrier_for_half(stream.get, 64);
  const std::string half = failure(stream);
  EXPECT_NE(half.find("barrier_for_half_kernel"), std::string::npos) << half;
  EXPECT_NE(half.find("32 ended, 32 wait at the barrier faulty_kernels.cu:"), std::string::npos) << half;
  two_barriers(stream.get, 64);
  const std::string two = failure(stream);
  EXPECT_NE(two.find("two_barriers_kernel"), std::string::npos) << two;
  EXPECT_NE(two.find("threads do not meet: 32 wait"), std::string::npos) << two;
}

TEST(CudaShimBlock, ShuffleWithoutALaneIsReported) {
  const Stream stream;
  const Array<float> y(32);
  shuffle_without_a_lane(stream.get, y.data());
  const std::string text = failure(stream);
  EXPECT_NE(text.find("shuffle_without_a_lane_kernel"), std::string::npos) << text;
  EXPECT_NE(text.find("31 wait for lanes"), std::string::npos) << text;
}

TEST(CudaShimBlock, SharedMemoryOfOneBlockIsNotThatOfAnother) {
  const Stream stream;
  const Array<float> seen(3);
  leave_in_shared(stream.get, 3, seen.data());
  for (const float value : seen.read(stream)) EXPECT_TRUE(std::isnan(value));
}

/// y of 1 + x, where one stream writes x and another adds it.
float sum_of_two_streams(Laziness laziness, bool wait) {
  const WithPolicy policy({.streams = laziness});
  const Stream copies, kernels;
  const Event written;
  Array<float> x(1), y(1);
  x.write(kernels, {100});
  y.write(kernels, {1});
  EXPECT_EQ(kernels.synchronize(), cudaSuccess);
  x.write(copies, {2});
  EXPECT_EQ(cudaEventRecord(written.get, copies.get), cudaSuccess);
  if (wait) {
    EXPECT_EQ(cudaStreamWaitEvent(kernels.get, written.get), cudaSuccess);
  }
  add(kernels.get, 1, x.data(), y.data());
  return y.read(kernels)[0];
}

TEST(CudaShimStream, EventsOrderStreams) {
  for (const Laziness laziness : lazinesses) EXPECT_EQ(sum_of_two_streams(laziness, true), 3);
}

TEST(CudaShimStream, MissingEventWaitShows) { EXPECT_EQ(sum_of_two_streams(Laziness::lazy, false), 101); }

TEST(CudaShimStream, PinnedMemoryIsReadWhenTheStreamGetsThere) {
  const WithPolicy policy({.streams = Laziness::lazy});
  const Stream stream;
  const Array<float> x(1);
  float* pinned = nullptr;
  ASSERT_EQ(cudaHostAlloc(reinterpret_cast<void**>(&pinned), sizeof(float), cudaHostAllocDefault), cudaSuccess);
  *pinned = 1;
  EXPECT_EQ(cudaMemcpyAsync(x.data(), pinned, sizeof(float), cudaMemcpyHostToDevice, stream.get), cudaSuccess);
  *pinned = 2;  // too early
  EXPECT_EQ(x.read(stream)[0], 2);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST(CudaShimStream, QueriesGetThere) {
  const WithPolicy policy({.streams = Laziness::lazy});
  const Stream stream;
  const Event done;
  EXPECT_EQ(cudaEventQuery(done.get), cudaSuccess) << "never recorded";
  Array<float> x(8), y(8);
  x.write(stream, ascending(8));
  y.write(stream, ascending(8));
  add(stream.get, 8, x.data(), y.data());
  EXPECT_EQ(cudaEventRecord(done.get, stream.get), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(done.get), cudaErrorNotReady);
  int queries = 0;
  while (cudaEventQuery(done.get) == cudaErrorNotReady) ASSERT_LT(++queries, 10);
  EXPECT_EQ(y.read(stream)[7], 14);
}

TEST(CudaShimGraph, RecordsNowAndRunsLater) {
  const Stream stream;
  Array<float> x(4), y(4);
  x.write(stream, {1, 2, 3, 4});
  y.write(stream, {0, 0, 0, 0});
  ASSERT_EQ(cudaStreamBeginCapture(stream.get, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  add(stream.get, 4, x.data(), y.data());
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream.get, &graph), cudaSuccess);
  EXPECT_EQ(y.read(stream), (std::vector<float>{0, 0, 0, 0}));
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  for (int launch = 0; launch < 3; ++launch) EXPECT_EQ(cudaGraphLaunch(exec, stream.get), cudaSuccess);
  EXPECT_EQ(y.read(stream), (std::vector<float>{3, 6, 9, 12}));
  x.write(stream, {1, 1, 1, 1});
  EXPECT_EQ(cudaGraphLaunch(exec, stream.get), cudaSuccess);
  EXPECT_EQ(y.read(stream), (std::vector<float>{4, 7, 10, 13}));
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
}

/// What a call answers during a capture, which it must spoil.
template <class Call>
cudaError_t in_capture(const Stream& stream, cudaStreamCaptureMode mode, const Call& call) {
  EXPECT_EQ(cudaStreamBeginCapture(stream.get, mode), cudaSuccess);
  const cudaError_t error = call();
  cudaGraph_t graph = nullptr;
  const cudaError_t end = cudaStreamEndCapture(stream.get, &graph);
  EXPECT_EQ(end, error == cudaSuccess ? cudaSuccess : cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph != nullptr, error == cudaSuccess);
  if (graph) {
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  return error;
}

TEST(CudaShimGraph, WhatMayNotBeCapturedSpoilsTheCapture) {
  const Stream stream, other;
  const Event event;
  const Array<float> x(1);
  float host = 0;
  ASSERT_EQ(cudaEventRecord(event.get, other.get), cudaSuccess);
  const auto refused = [&](const auto& call) {
    EXPECT_EQ(in_capture(stream, cudaStreamCaptureModeThreadLocal, call), cudaErrorStreamCaptureUnsupported);
  };
  void* memory = nullptr;
  refused([&] { return cudaMalloc(&memory, 1); });
  refused([&] { return cudaFree(x.data()); });
  refused([&] { return cudaHostAlloc(&memory, 1, cudaHostAllocDefault); });
  refused([&] { return cudaStreamSynchronize(stream.get); });
  refused([&] { return cudaDeviceSynchronize(); });
  refused([&] { return cudaEventQuery(event.get); });
  refused([&] { return cudaMemcpyAsync(&host, x.data(), sizeof(host), cudaMemcpyDeviceToHost, stream.get); });
  EXPECT_EQ(
      in_capture(stream, cudaStreamCaptureModeThreadLocal, [&] { return cudaStreamWaitEvent(stream.get, event.get); }),
      cudaErrorStreamCaptureIsolation);
  EXPECT_EQ(in_capture(stream, cudaStreamCaptureModeThreadLocal,
                       [&] { return cudaMemsetAsync(x.data(), 0, sizeof(float), stream.get); }),
            cudaSuccess);
}

TEST(CudaShimGraph, OtherThreadsMayAllocateDuringAThreadLocalCapture) {
  const Stream stream;
  const auto from_thread = [&] {
    cudaError_t error = cudaSuccess;
    std::thread([&] {
      void* memory = nullptr;
      error = cudaMalloc(&memory, 1);
      if (error == cudaSuccess) error = cudaFree(memory);
    }).join();
    return error;
  };
  EXPECT_EQ(in_capture(stream, cudaStreamCaptureModeThreadLocal, from_thread), cudaSuccess);
  EXPECT_EQ(in_capture(stream, cudaStreamCaptureModeGlobal, from_thread), cudaErrorStreamCaptureUnsupported);
}

TEST(CudaShimMemory, IsCountedAlignedAndFullOfNan) {
  const Stream stream;
  std::size_t before = 0, during = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&before, &total), cudaSuccess);
  const Array<float> x(1000);
  ASSERT_EQ(cudaMemGetInfo(&during, &total), cudaSuccess);
  EXPECT_EQ(before - during, x.bytes());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.data()) % 256, 0U);
  EXPECT_TRUE(std::isnan(x.read(stream)[999]));
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, total), cudaErrorMemoryAllocation);
}

TEST(CudaShimMemory, CopiesStayInside) {
  const Stream stream;
  const Array<float> x(4);
  const std::vector<float> values(5);
  EXPECT_EQ(cudaMemcpyAsync(x.data(), values.data(), 20, cudaMemcpyHostToDevice, stream.get), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(x.data() + 3, 0, 8, stream.get), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(x.data() + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace sluice::test
