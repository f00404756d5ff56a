#include "stream.h"

#include "policy.h"

namespace cuda_shim {
namespace {

bool runnable(const CUstream_st& stream) {
  return !stream.queue.empty() && (!stream.queue.front().awaits || stream.queue.front().awaits->reached);
}

void step(CUstream_st& stream) {
  const Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (operation.work) operation.work();
  if (!operation.sets) return;
  operation.sets->reached = true;
  operation.sets->when = std::chrono::steady_clock::now();
}

/// One operation of any stream that has one to run.
void step_anywhere() {
  std::vector<CUstream_st*> ready;
  for (CUstream_st* const stream : runtime().streams)
    if (runnable(*stream)) ready.push_back(stream);
  if (!ready.empty()) step(*ready[chance()() % ready.size()]);
}

/// One operation of the stream, after what that waits for.
void advance(CUstream_st& stream) {
  if (policy().streams == Laziness::shuffled) return step_anywhere();
  const MarkerPtr awaited = stream.queue.front().awaits;
  if (awaited) finish(awaited);
  step(stream);
}

void after_enqueue(CUstream_st& stream) {
  if (policy().streams == Laziness::eager) finish(&stream);
  if (policy().streams == Laziness::shuffled)
    while (chance()() % 3 == 0) step_anywhere();
}

cudaError_t push(cudaStream_t stream, Operation operation) {
  stream->queue.push_back(std::move(operation));
  after_enqueue(*stream);
  return cudaSuccess;
}

using Lock = std::lock_guard<std::recursive_mutex>;

bool known(cudaStream_t stream) { return runtime().streams.count(stream) > 0; }

}  // namespace

Runtime& runtime() {
  static auto* const runtime = new Runtime;  // outlives every static that frees memory
  return *runtime;
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  if (!stream->capture) return push(stream, {std::move(work)});
  if (!stream->capture->valid) return result(cudaErrorStreamCaptureInvalidated);
  stream->capture->work.push_back(std::move(work));
  return cudaSuccess;
}

void finish(const MarkerPtr& marker) {
  while (!marker->reached) advance(*marker->stream);
}

void finish(cudaStream_t stream) {
  if (stream)
    while (!stream->queue.empty()) advance(*stream);
  else
    for (CUstream_st* const each : runtime().streams) finish(each);
}

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) runtime().last_error = error;
  return error;
}

cudaError_t refuse_in_capture() {
  cudaError_t refusal = cudaSuccess;
  for (CUstream_st* const stream : runtime().streams) {
    Capture* const capture = stream->capture.get();
    if (!capture || capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread != std::this_thread::get_id()) continue;
    capture->valid = false;
    refusal = result(cudaErrorStreamCaptureUnsupported);
  }
  return refusal;
}

}  // namespace cuda_shim

using namespace cuda_shim;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Lock lock(runtime().mutex);
  // One that blocks would be ordered with the default stream, which nothing here uses.
  if (flags != cudaStreamNonBlocking) return result(cudaErrorNotSupported);
  *stream = new CUstream_st;
  runtime().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  finish(stream);
  runtime().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  if (stream->capture) {
    stream->capture->valid = false;
    return result(cudaErrorStreamCaptureUnsupported);
  }
  finish(stream);
  return failure_of_kernels();
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (stream->queue.empty()) return failure_of_kernels();
  advance(*stream);  // who asks again and again gets there
  return cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  if (event->captured != stream->capture.get()) {  // captures that fork to a second stream are not known here
    if (stream->capture) stream->capture->valid = false;
    return result(cudaErrorStreamCaptureIsolation);
  }
  if (stream->capture || !event->marker) return cudaSuccess;  // in order already; or never recorded
  return push(stream, {.work = nullptr, .awaits = event->marker});
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(runtime().mutex);
  if (const cudaError_t error = refuse_in_capture()) return error;
  finish(cudaStream_t{});
  return failure_of_kernels();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (!known(stream)) return result(cudaErrorInvalidResourceHandle);
  event->captured = stream->capture.get();
  if (stream->capture) return stream->capture->valid ? cudaSuccess : result(cudaErrorStreamCaptureInvalidated);
  event->marker = std::make_shared<Marker>(Marker{.stream = stream});
  return push(stream, {.work = nullptr, .sets = event->marker});
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  if (event->captured) return result(cudaErrorCapturedEvent);
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (!event->marker || event->marker->reached) return failure_of_kernels();
  advance(*event->marker->stream);
  return cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  if (event->captured) return result(cudaErrorCapturedEvent);
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (event->marker) finish(event->marker);
  return failure_of_kernels();
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  const Lock lock(runtime().mutex);
  if (!start->marker || !end->marker) return result(cudaErrorInvalidResourceHandle);
  if (!start->marker->reached || !end->marker->reached) return cudaErrorNotReady;
  *ms = std::chrono::duration<float, std::milli>(end->marker->when - start->marker->when).count();
  return cudaSuccess;
}
