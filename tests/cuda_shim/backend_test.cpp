// The CUDA backend on a runtime whose faults a test can cause; the main is that of tests without a GPU.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/optim/adam.h>

#include "cuda_shim/faulty_kernels.h"
#include "mbp/small_net.h"
#include "policy.h"

namespace sluice::test {
namespace {

Backend& backend() { return Device::cuda().backend(); }

/// What the shim's runtime does is as before when it ends.
class CudaShimBackend : public testing::Test {
 protected:
  void TearDown() override { cuda_shim::set_policy(before_); }

  static void refuse_captures() {
    cuda_shim::Policy policy = cuda_shim::policy();
    policy.captures = false;
    cuda_shim::set_policy(policy);
  }

 private:
  cuda_shim::Policy before_ = cuda_shim::policy();
};

/// What a stretch of memory holds that `write` is called for.
std::vector<unsigned char> written_by(const std::function<void(void* data, std::size_t bytes)>& write) {
  std::vector<unsigned char> bytes(8);
  const Buffer buffer = backend().allocate(bytes.size());
  write(buffer.data(), buffer.bytes());
  backend().copy_out(bytes.data(), buffer.data(), bytes.size());
  return bytes;
}

// Whether the call that breaks a capture throws, or only its end tells.
TEST_F(CudaShimBackend, GoesOnAfterACaptureThatFailed) {
  const std::vector<unsigned char> ones(8, 1), twos(8, 2);
  for (const bool throws : {true, false}) {
    const auto write = [&](void* data, std::size_t bytes) {
      backend().fill(data, 1, bytes);
      EXPECT_THROW(backend().record([&] {
        backend().fill(data, 3, bytes);
        try {
          backend().synchronize();
        } catch (const BackendError&) {
          if (throws) throw;
        }
      }),
                   BackendError);
    };
    EXPECT_EQ(written_by(write), ones) << "nothing of a capture that failed runs";
    EXPECT_EQ(written_by([&](void* data, std::size_t bytes) {
                write(data, bytes);
                backend().record([&] { backend().fill(data, 2, bytes); })->run();
              }),
              twos);
  }
}

cudaStream_t stream() { return static_cast<cuda::CudaBackend&>(backend()).queue().stream; }

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const BackendError& error) {
    return error.what();
  }
  return "no error";
}

// Nobody waits for a kernel before the next one is launched.
TEST_F(CudaShimBackend, AFaultMayBeOfAKernelBeforeTheOneThatNoticesIt) {
  barrier_for_half(stream(), 64);
  std::string message = message_of([] {
    const RunningKernel running("relu");
    backend().synchronize();
  });
  EXPECT_EQ(message.find("cuda: cudaStreamSynchronize failed in kernel 'relu' or one before it "
                         "(CUDA_LAUNCH_BLOCKING=1 with --no-graph tells which); got 'unspecified launch failure"),
            0U)
      << message;
  barrier_for_half(stream(), 64);
  message = message_of([] { backend().synchronize(); });
  EXPECT_EQ(message.find("cuda: cudaStreamSynchronize failed, or a kernel before it (CUDA_LAUNCH_BLOCKING=1 with"), 0U)
      << message;
}

TEST_F(CudaShimBackend, AWrongArgumentIsOfItsCall) {
  char host = 0;
  const std::string message = message_of([&] {
    const RunningKernel running("relu");
    backend().copy(&host, &host, 1);
  });
  EXPECT_EQ(message.find("cuda: cudaMemcpyAsync on the device failed in kernel 'relu'; got 'invalid argument"), 0U)
      << message;
}

struct Trained {
  std::string weights_hash, warnings;
  RecordedParts parts;
};

Trained train(const TrainerOptions& options) {
  SmallNet net;
  Adam adam({.lr = 0.01});
  const TensorDataset data = small_data(17, 3);
  const StepFunction step = [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
  testing::internal::CaptureStderr();
  Trainer trainer(net, adam, step, data.spec(), options);
  for (int epoch = 0; epoch < 3; ++epoch) trainer.run_epoch(data);
  return {.weights_hash = trainer.weights_hash(),
          .warnings = testing::internal::GetCapturedStderr(),
          .parts = trainer.recorded_parts()};
}

int count(const std::string& text, const std::string& what) {
  int found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST_F(CudaShimBackend, PartsThatCannotBeCapturedRunKernelByKernel) {
  const TrainerOptions options{.batch = 10, .micro_batch = 4, .device = Device::cuda()};
  const Trained recorded = train(options);
  EXPECT_GT(recorded.parts.recorded, 3U);
  EXPECT_EQ(recorded.parts.refused, 0U);
  EXPECT_EQ(recorded.warnings, "");

  refuse_captures();
  const Trained refused = train(options);
  EXPECT_EQ(refused.weights_hash, recorded.weights_hash);
  EXPECT_EQ(refused.parts.recorded, 0U);
  EXPECT_EQ(refused.parts.refused, recorded.parts.recorded);
  EXPECT_EQ(count(refused.warnings, "WARNING"), static_cast<int>(refused.parts.refused)) << refused.warnings;
  EXPECT_EQ(count(refused.warnings, "part 'stage 0', micro-batch 4 cannot be recorded"), 1) << refused.warnings;
  EXPECT_EQ(count(refused.warnings, "part 'update' cannot be recorded"), 1) << refused.warnings;
  EXPECT_NE(refused.warnings.find("cudaErrorStreamCaptureInvalidated"), std::string::npos) << refused.warnings;

  TrainerOptions eager = options;
  eager.record = false;
  EXPECT_EQ(train(eager).parts.refused, 0U);
}

TEST_F(CudaShimBackend, StepsEndWhenTheLastUpdateIsDone) {
  cuda_shim::set_policy({.streams = cuda_shim::Laziness::lazy});
  SmallNet net;
  Adam adam({.lr = 0.01});
  const TensorDataset data = small_data(10, 3);
  const StepFunction step = [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
  Trainer trainer(net, adam, step, data.spec(), {.batch = 10, .device = Device::cuda()});
  trainer.step(data);
  EXPECT_EQ(cudaStreamQuery(stream()), cudaSuccess);
}

}  // namespace
}  // namespace sluice::test
