#include <gtest/gtest.h>

#include <sluice/core/evaluate.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// Predictions from both sides of a barrier: `raw` is expensive, made before it and not read after it.
TEST(Crossing, PredictionsComeFromEveryStage) {
  register_reference_device();
  SmallNet net;
  net.set_training(false);
  const TensorDataset data = small_data(20, 0);
  const auto outputs = [&](Var image) {
    const Var raw = net(image);
    const Var late = mul(image, div(sum_per_sample(batch_sum(raw)), raw.graph().sample_count()));
    return std::vector{raw, late};
  };
  const StepFunction step = [&](const Batch& b) {
    const std::vector<Var> made = outputs(b["image"]);
    b.output("raw", made[0]);
    b.output("late", made[1]);
    return mean_cross_entropy(made[0], b["label"]);
  };
  Tensor images({20, 2, 8, 8});
  for (std::int64_t i = 0; i < 20; ++i) data.read(i, 0, images.values<float>().data() + i * 128);
  Graph graph;
  const std::vector<Tensor> expected =
      evaluate(outputs(graph.input("image", {2, 8, 8})), {{"image", images}}, {.device = Device::reference()});
  for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
    NoUpdate none;
    Trainer trainer(
        net, none, step, data.spec(),
        {.batch = 20, .micro_batch = 6, .device = Device::reference(), .verify_memory = true, .crossing = crossing});
    EXPECT_LE(relative_error(trainer.predict(data, "late"), expected[1]), 1e-6);
    EXPECT_LE(relative_error(trainer.predict(data, "raw"), expected[0]), 1e-6);
  }
}

TEST(Crossing, AnInputCanBeAPrediction) {
  SmallNet net;
  const TensorDataset data = small_data(20, 0);
  NoUpdate none;
  Trainer trainer(net, none,
                  [&](const Batch& b) {
                    b.output("label", b["label"]);
                    return mean_cross_entropy(net(b["image"]), b["label"]);
                  },
                  data.spec(), {.batch = 20, .micro_batch = 6, .device = Device::cpu()});
  Tensor labels({20}, DType::i32);
  for (std::int64_t i = 0; i < 20; ++i) data.read(i, 1, labels.values<std::int32_t>().data() + i);
  EXPECT_EQ(doubles(trainer.predict(data, "label")), doubles(labels));
}

TEST(Crossing, AReshapedParameterHasAGradient) {
  class Flat final : public Module {
   public:
    Var forward(Var x) override {
      return linear(flatten(x), reshape(x.graph().parameter(weight_), {SmallNet::classes, 128}));
    }
    void parameters(const ParameterVisitor& visit) override { visit("weight", weight_); }

   private:
    Parameter weight_{random_tensor({SmallNet::classes, 2, 8, 8}, DType::f32, -0.2, 0.2, 3)};
  } net;
  register_reference_device();
  const TensorDataset data = small_data(20, 0);
  const StepFunction step = [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
  const auto whole = gradients(net, step, data, {.device = Device::reference()});
  ASSERT_EQ(whole[0].shape(), (Shape{SmallNet::classes, 2, 8, 8}));
  EXPECT_GT(relative_error(whole[0], Tensor(whole[0].shape())), 0);
  EXPECT_LE(relative_error(gradients(net, step, data, {.micro_batch = 7, .device = Device::reference()})[0], whole[0]),
            1e-12);
}

}  // namespace
}  // namespace sluice::test
