// A data set with one pixel that is NaN or infinite: no step is taken on it, and no evaluation succeeds.

#include <functional>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/conv2d.h>
#include <sluice/layers/linear.h>
#include <sluice/layers/losses.h>
#include <sluice/layers/sequential.h>
#include <sluice/layers/stateless.h>
#include <sluice/mbp/train/trainer.h>
#include <sluice/optim/sgd.h>

#include "support/cuda_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

constexpr std::int64_t samples = 12, classes = 4;

/// Images [1,8,8]; pixel (row, column) of sample 7 is `pixel`.
TensorDataset data_with(float pixel, std::int64_t row, std::int64_t column) {
  Tensor images = random_tensor({samples, 1, 8, 8}, DType::f32, -1, 1, 3);
  images.values<float>()[static_cast<std::size_t>((7 * 8 + row) * 8 + column)] = pixel;
  return {"one pixel", {{"image", images}, {"label", random_tensor({samples}, DType::i32, 0, classes - 1, 4)}}};
}

Linear head(std::int64_t in) { return Linear({.in = in, .out = classes}); }

/// Nets in which a maximum, a relu or a dropped unit could hide the pixel.
std::vector<std::pair<std::string, std::unique_ptr<Module>>> nets() {
  const auto conv = [] { return Conv2d({.in = 1, .out = 20, .kernel = 3, .padding = 1}); };
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> nets;
  const auto add = [&](const std::string& name, Sequential net) {
    nets.emplace_back(name, std::make_unique<Sequential>(std::move(net)));
  };
  add("pool behind the convolution", Sequential(conv(), MaxPool2d(2), ReLU(), Dropout(0.25), Flatten(), head(20 * 16)));
  add("pool first", Sequential(MaxPool2d(2), conv(), ReLU(), Flatten(), head(20 * 16)));
  add("overlapping pools", Sequential(conv(), MaxPool2d({.kernel = 3, .stride = 2, .padding = 1}), ReLU(), MaxPool2d(2),
                                      Flatten(), head(20 * 4)));
  add("batch norm", Sequential(conv(), BatchNorm2d(20), ReLU(), MaxPool2d(2), Flatten(), head(20 * 16)));
  return nets;
}

void expect_nothing_succeeds(Device device, Module& net, const TensorDataset& data) {
  initialize(net, 1);
  Sgd sgd({.lr = 0.1});
  const auto step = [&](const Batch& batch) { return cross_entropy(net(batch["image"]), batch["label"]); };
  Trainer trainer(net, sgd, step, data.spec(),
                  {.batch = samples, .micro_batch = 5, .device = device, .evaluation = data.spec()});
  const std::string before = trainer.weights_hash();
  EXPECT_THROW(trainer.step(data), NumericError);
  EXPECT_THROW(trainer.run_epoch(data), NumericError);
  EXPECT_THROW(trainer.evaluate(data), NumericError);
  EXPECT_EQ(trainer.weights_hash(), before);
}

using Place = std::pair<std::int64_t, std::int64_t>;

void expect_nothing_hides(Device device, std::initializer_list<float> pixels, std::initializer_list<Place> places) {
  for (const float pixel : pixels)
    for (const auto& [row, column] : places)
      for (const auto& [name, net] : nets()) {
        SCOPED_TRACE(name + " with " + std::to_string(pixel) + " at " + std::to_string(row) + "," +
                     std::to_string(column));
        expect_nothing_succeeds(device, *net, data_with(pixel, row, column));
      }
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

// Not −infinity: a maximum may well leave it out.
TEST(NanPixel, StopsEveryStepAndEvaluation) {
  expect_nothing_hides(Device::cpu(), {nan, infinity}, {{0, 0}, {3, 5}, {7, 7}});
}

class CudaNanPixel : public CudaTest {};

TEST_F(CudaNanPixel, StopsEveryStepAndEvaluation) { expect_nothing_hides(Device::cuda(), {nan}, {{3, 5}}); }

}  // namespace
}  // namespace sluice::test
