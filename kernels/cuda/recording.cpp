#include <sluice/kernels/cuda/recording.h>

#include <sluice/kernels/cuda/check.h>

namespace sluice::cuda {
namespace {

/// Owns a graph until it is instantiated.
class CapturedGraph {
 public:
  explicit CapturedGraph(cudaGraph_t graph) : graph_(graph) {}
  ~CapturedGraph() {
    if (graph_) (void)cudaGraphDestroy(graph_);
  }
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;

  cudaGraph_t get() const { return graph_; }

 private:
  cudaGraph_t graph_;
};

class GraphRecording final : public Recording {
 public:
  GraphRecording(const Queue& queue, const CapturedGraph& graph) : queue_(queue) {
    check(cudaGraphInstantiate(&executable_, graph.get(), 0), "cudaGraphInstantiate");
    // What memory of the device it takes is taken here, where it may fail.
    if (const cudaError_t status = cudaGraphUpload(executable_, queue.stream); status != cudaSuccess) {
      (void)cudaGraphExecDestroy(executable_);
      check(status, "cudaGraphUpload");
    }
  }
  ~GraphRecording() override { (void)cudaGraphExecDestroy(executable_); }

  void run() override {
    check(cudaSetDevice(queue_.device), "cudaSetDevice");
    check(cudaGraphLaunch(executable_, queue_.stream), "cudaGraphLaunch");
  }

 private:
  Queue queue_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

std::unique_ptr<Recording> record_graph(const Queue& queue, const std::function<void()>& enqueue) {
  check(cudaSetDevice(queue.device), "cudaSetDevice");
  // Thread-local: the loader's thread and other trainers may call what they like meanwhile.
  check(cudaStreamBeginCapture(queue.stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  cudaGraph_t captured = nullptr;
  try {
    enqueue();
  } catch (...) {
    (void)cudaStreamEndCapture(queue.stream, &captured);
    (void)cudaGetLastError();
    const CapturedGraph unfinished(captured);
    throw;
  }
  check(cudaStreamEndCapture(queue.stream, &captured), "cudaStreamEndCapture");
  const CapturedGraph graph(captured);
  return std::make_unique<GraphRecording>(queue, graph);
}

}  // namespace sluice::cuda
