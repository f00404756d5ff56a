#include <sluice/kernels/cuda/uploader.h>

#include <array>

#include <sluice/kernels/cuda/check.h>
#include <sluice/kernels/cuda/pinned_memory.h>

namespace sluice::cuda {
namespace {

/// An event without times: only order matters.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags"); }
  ~Event() { (void)cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "cudaEventRecord"); }
  /// `stream` goes on when this has happened; at once when it was never recorded.
  void hold(cudaStream_t stream) const { check(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent"); }
  void wait() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }

 private:
  cudaEvent_t event_ = nullptr;
};

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags"); }
  ~Stream() {
    (void)cudaStreamSynchronize(stream_);  // copies under way read the slots
    (void)cudaStreamDestroy(stream_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class StreamUploader final : public Uploader {
 public:
  StreamUploader(const Queue& queue, std::size_t slot_bytes)
      : queue_(queue),
        slot_bytes_(slot_bytes),
        slots_{PinnedMemory(slot_bytes, "staging"), PinnedMemory(slot_bytes, "staging")} {}

  std::size_t slot_bytes() const override { return slot_bytes_; }
  std::byte* slot(int index) override {
    select();
    arrived_[at(index)].wait();
    return slots_[at(index)].data();
  }
  void release() override {
    select();
    released_.record(queue_.stream);
    released_.hold(copies_.get());
  }
  void send(int slot, std::size_t offset, void* to, std::size_t bytes) override {
    select();
    check(cudaMemcpyAsync(to, slots_[at(slot)].data() + offset, bytes, cudaMemcpyHostToDevice, copies_.get()),
          "cudaMemcpyAsync from a slot");
  }
  void arrive(int slot) override {
    select();
    arrived_[at(slot)].record(copies_.get());
    arrived_[at(slot)].hold(queue_.stream);
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  void select() const { check(cudaSetDevice(queue_.device), "cudaSetDevice"); }

  Queue queue_;
  std::size_t slot_bytes_;
  std::array<PinnedMemory, 2> slots_;
  std::array<Event, 2> arrived_;
  Event released_;
  Stream copies_;  // last: it is drained before anything it uses goes
};

}  // namespace

std::unique_ptr<Uploader> make_stream_uploader(const Queue& queue, std::size_t slot_bytes) {
  check(cudaSetDevice(queue.device), "cudaSetDevice");
  return std::make_unique<StreamUploader>(queue, slot_bytes);
}

}  // namespace sluice::cuda
