// Stream capture: what a stream would do is written down instead, and launched as often as one likes.

#include "policy.h"
#include "stream.h"

struct CUgraph_st {
  std::vector<std::function<void()>> work;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<std::function<void()>>> work;
};

using namespace cuda_shim;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Lock lock(runtime().mutex);
  if (!runtime().streams.count(stream)) return result(cudaErrorInvalidResourceHandle);
  if (stream->capture) return result(cudaErrorIllegalState);
  stream->capture = std::make_unique<Capture>(
      Capture{.mode = mode, .thread = std::this_thread::get_id(), .valid = policy().captures, .work = {}});
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(runtime().mutex);
  *graph = nullptr;
  if (!runtime().streams.count(stream) || !stream->capture) return result(cudaErrorIllegalState);
  if (stream->capture->mode != cudaStreamCaptureModeRelaxed && stream->capture->thread != std::this_thread::get_id())
    return result(cudaErrorStreamCaptureWrongThread);
  const std::unique_ptr<Capture> capture = std::move(stream->capture);
  if (!capture->valid) return result(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(capture->work)};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const Lock lock(runtime().mutex);
  if (!runtime().streams.count(stream)) return result(cudaErrorInvalidResourceHandle);
  *status = !stream->capture         ? cudaStreamCaptureStatusNone
            : stream->capture->valid ? cudaStreamCaptureStatusActive
                                     : cudaStreamCaptureStatusInvalidated;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  const Lock lock(runtime().mutex);
  if (!graph) return result(cudaErrorInvalidValue);
  *exec = new CUgraphExec_st{std::make_shared<const std::vector<std::function<void()>>>(graph->work)};
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) {
  return exec ? cudaSuccess : result(cudaErrorInvalidValue);
}

// It may be destroyed while it runs (CUDA Runtime API, cudaGraphExecDestroy).
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!exec) return result(cudaErrorInvalidValue);
  if (stream && stream->capture) return result(cudaErrorStreamCaptureUnsupported);  // a graph in a graph
  return enqueue(stream, [work = exec->work] {
    for (const auto& each : *work) each();
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
