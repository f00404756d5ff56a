#include <memory>

#include <gtest/gtest.h>

#include <sluice/sluice.h>

#include "models/fashion_cnn.h"
#include "models/resnet.h"

namespace sluice::samples {
namespace {

/// The arena of a plan that trains `net` in micro-batches of `micro_batch`, beside the most bytes alive at one time.
void expect_tight_arena(Module& net, const Shape& image, std::int64_t micro_batch, double most_over_bound) {
  const DataSpec data{.name = "made up",
                      .samples = 4 * micro_batch,
                      .fields = {{.name = "image", .shape = image, .dtype = DType::f32},
                                 {.name = "label", .shape = {}, .dtype = DType::i32}}};
  Adam adam({.lr = 1e-3});
  const Trainer trainer(net, adam, [&](const Batch& b) { return cross_entropy(net(b["image"]), b["label"]); }, data,
                        {.batch = 2 * micro_batch, .micro_batch = micro_batch, .device = Device::cpu()});
  EXPECT_LE(static_cast<double>(trainer.plan().arena_bytes),
            most_over_bound * static_cast<double>(trainer.plan().arena_lower_bound_bytes))
      << "micro-batch " << micro_batch;
}

TEST(PackedModels, TakeLittleMoreThanWhatIsAliveAtOnce) {
  FashionCnn fashion;
  for (const std::int64_t micro_batch : {1, 64, 128}) expect_tight_arena(fashion, {1, 28, 28}, micro_batch, 1);
  ResNet18Cifar resnet;
  for (const std::int64_t micro_batch : {1, 16, 64, 128}) expect_tight_arena(resnet, {3, 32, 32}, micro_batch, 1.02);
}

}  // namespace
}  // namespace sluice::samples
