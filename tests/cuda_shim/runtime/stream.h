#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <cuda_runtime_api.h>

namespace cuda_shim {

/// A point in a stream: what an event stands for once it is recorded.
struct Marker {
  CUstream_st* stream = nullptr;
  bool reached = false;
  std::chrono::steady_clock::time_point when{};
};
using MarkerPtr = std::shared_ptr<Marker>;

/// What a stream does at one place: some work, or setting a marker, or waiting for one.
struct Operation {
  std::function<void()> work;
  MarkerPtr sets = nullptr, awaits = nullptr;
};

/// What a stream records between cudaStreamBeginCapture and cudaStreamEndCapture.
struct Capture {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  bool valid = true;
  std::vector<std::function<void()>> work;
};

/// Everything there is, and the one lock for it: operations run one at a time, whichever thread asks for them.
struct Runtime {
  std::recursive_mutex mutex;
  std::set<CUstream_st*> streams;
  cudaError_t last_error = cudaSuccess;
  std::string failure;  ///< of a kernel; not told yet
};

Runtime& runtime();

/// Puts work into a stream, or into what it captures.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
/// Runs what has to run until the marker is reached, or until the stream (null: every stream) has nothing left.
void finish(const MarkerPtr& marker);
void finish(cudaStream_t stream);

/// cudaErrorLaunchFailure when a kernel failed since the last call, with its story in cudaGetErrorString.
cudaError_t failure_of_kernels();
/// Remembers an error for cudaGetLastError.
cudaError_t result(cudaError_t error);
/// What a call gets that may not be made during a capture: success when there is none. Ends the captures it is unsafe
/// for, as CUDA does.
cudaError_t refuse_in_capture();

}  // namespace cuda_shim

struct CUstream_st {
  std::deque<cuda_shim::Operation> queue;
  std::unique_ptr<cuda_shim::Capture> capture;
};

struct CUevent_st {
  cuda_shim::MarkerPtr marker;
  const cuda_shim::Capture* captured = nullptr;  ///< recorded there last
};
